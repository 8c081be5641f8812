package main

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
)

// natsServer starts a NATS server with JetStream on a free port, as an operator
// would run one, and sets NATS_URL. It ends with the script.
func natsServer(ts *testscript.TestScript, neg bool, args []string) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: ts.MkAbs("nats"), NoSigs: true, NoLog: true,
	})
	ts.Check(err)
	s.Start()
	ts.Defer(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		ts.Fatalf("the NATS server did not start")
	}
	ts.Setenv("NATS_URL", s.ClientURL())
}
