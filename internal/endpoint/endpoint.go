package endpoint

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the server itself. They bound what a client can make stagedoor
// hold, and lie above every limit of AWS, which the planes check themselves
// with AWS's own errors.
const (
	maxHeaderBytes    = 64 << 10 // a presigned control-plane call with a session token stays below 16 KB
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	bodyIdleTimeout   = 30 * time.Second // longest pause inside a request body
	drainLimit        = 512 << 20        // of a refused body that is read all the same
	drainTime         = 10 * time.Second
)

// Options says who answers what.
type Options struct {
	// DataPlane answers calls to deployed stages.
	DataPlane http.Handler
	// ControlPlane answers the AWS APIs: everything that is nothing else.
	ControlPlane http.Handler
	// Admin answers /_stagedoor/… except /_stagedoor/health. Nil: 404.
	Admin http.Handler
	// Health says what the health pages show. Nil: no services.
	Health func() Health
	// Logger gets the server's own errors. Nil: slog.Default.
	Logger *slog.Logger
}

// Server is the HTTP server of the one port.
type Server struct {
	http   http.Server
	router *router
}

// New makes a Server; Serve starts it.
func New(o Options) *Server {
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	s := &Server{router: newRouter(o)}
	s.http = http.Server{
		Handler:           s.router,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ConnContext:       withConn,
		// "OPTIONS *" must reach the router like every other request, or the
		// heads kept by conn would run one ahead of the requests.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Serve answers on l until Shutdown or Close; it then returns nil. The Host
// names that a browser may use are restricted when l is bound to a loopback
// address.
func (s *Server) Serve(l net.Listener) error {
	s.router.loopback.Store(boundToLoopback(l.Addr()))
	err := s.http.Serve(&listener{l})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting and waits for running requests until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.http.Shutdown(ctx)
}

// Close drops all connections at once.
func (s *Server) Close() error {
	return s.http.Close()
}

// ServeHTTP answers a request that did not come through Serve, for tests and
// for programs that bring their own server. Header names are then canonical.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.router.ServeHTTP(w, r)
}

func boundToLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
