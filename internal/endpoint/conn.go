package endpoint

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// listener wraps what it accepts into conn.
type listener struct {
	net.Listener
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, heads: heads{limit: headLimit}}, nil
}

// headLimit bounds what one connection keeps of heads. net/http refuses a head
// above maxHeaderBytes + 4096 and reads ahead by at most 4096 bytes.
const headLimit = maxHeaderBytes + 3*4096

// conn passes bytes through and keeps the heads of the requests among them.
type conn struct {
	net.Conn

	// mu guards heads: while a handler runs, net/http reads one byte ahead in
	// another goroutine to notice that the client has gone. It is contended
	// only in that moment.
	mu    sync.Mutex
	heads heads

	// current is the head of the request being served; nil when unknown. It
	// belongs to the serving goroutine: HTTP/1 serves one request at a time.
	current []byte
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.mu.Lock()
		c.heads.write(p[:n])
		c.mu.Unlock()
	}
	return n, err
}

// CloseWrite lets net/http end its direction first, so that a client which is
// still sending reads the answer instead of a reset.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// next makes the head of the request that net/http has just parsed current.
// It must be called exactly once for each request. It reports false for a
// request that announces its body both by a length and in chunks.
func (c *conn) next() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = c.heads.take()
	return !c.heads.tornNow
}

type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
