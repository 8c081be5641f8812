package store_test

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

func TestExternalWithoutJetStream(t *testing.T) {
	_, err := store.Open(t.Context(), store.Options{URL: external(t, server.Options{})})
	if err == nil || !strings.Contains(err.Error(), "has no JetStream") || !strings.Contains(err.Error(), "nats-server -js") {
		t.Errorf("error %v", err)
	}
}

func TestExternalNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = store.Open(t.Context(), store.Options{URL: "nats://" + l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "is it running") {
		t.Errorf("error %v", err)
	}
}

// Two stores on one server see each other's writes, and a compare-and-set holds
// between them.
func TestTwoNodes(t *testing.T) {
	url := external(t, server.Options{JetStream: true})
	a, b := open(t, store.Options{URL: url}), open(t, store.Options{URL: url})
	ctx, key := t.Context(), state.Key("test.shared")
	if _, err := store.Create(ctx, a, key, &storetest.Note{}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s := []*store.Store{a, b}[i%2]
		if _, err := store.Create(ctx, s, key, &storetest.Note{}); err == nil {
			t.Fatal("created a second time, by the other node")
		}
		if _, err := store.Update(ctx, s, key, func(n *storetest.Note) error { n.N++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	rec, _, err := store.Get[storetest.Note](b, key)
	if err != nil || rec.N != 20 {
		t.Errorf("%+v, %v", rec, err)
	}
	if err := store.Delete(ctx, a, key); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(ctx, b, key, &storetest.Note{N: 1}); err != nil {
		t.Errorf("created by one node after the other deleted it: %v", err)
	}
}

// While the server is away reads go on and writes fail; once it is back, the
// mirror follows again and nothing is missing.
func TestExternalRestart(t *testing.T) {
	dir := t.TempDir()
	start := func(port int) (*server.Server, int) {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatal("no server")
		}
		u, _ := url.Parse(s.ClientURL())
		port, _ = strconv.Atoi(u.Port())
		return s, port
	}
	nats, port := start(-1)
	s := open(t, store.Options{URL: nats.ClientURL()})
	ctx := t.Context()
	if _, err := store.Create(ctx, s, "test.a", &storetest.Note{N: 1}); err != nil {
		t.Fatal(err)
	}
	nats.Shutdown()
	nats.WaitForShutdown()
	if rec, _, err := store.Get[storetest.Note](s, "test.a"); err != nil || rec.N != 1 {
		t.Errorf("read while the server is away: %+v, %v", rec, err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := store.Put(short, s, "test.a", &storetest.Note{N: 2}); err == nil {
		t.Error("a write succeeded without a server")
	}
	nats, _ = start(port)
	defer func() { nats.Shutdown(); nats.WaitForShutdown() }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, err := store.Put(short, s, "test.a", &storetest.Note{N: 3})
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store did not recover: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // the server's return is outside of this process's control
	}
	if rec, _, err := store.Get[storetest.Note](s, "test.a"); err != nil || rec.N != 3 {
		t.Errorf("after the restart: %+v, %v", rec, err)
	}
}

func TestExternalWrittenByNewerVersion(t *testing.T) {
	url := external(t, server.Options{JetStream: true})
	if err := open(t, store.Options{URL: url}).Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "STAGEDOOR_STATE")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Metadata["stagedoor.format"] = "2"
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Options{URL: url}); err == nil || !strings.Contains(err.Error(), "newer version of stagedoor (format 2, this version reads up to 1): use that version") {
		t.Errorf("error %v", err)
	}
}
