package console

func integrationRoutes() []route { return nil }
