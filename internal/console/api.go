package console

func apiRoutes() []route { return nil }
