package console

func stageRoutes() []route { return nil }
