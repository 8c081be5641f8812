package awswire

import (
	"context"
	"log/slog"
	"net/http"
)

// Request is what hooks see of a control-plane call.
type Request struct {
	HTTP      *http.Request // as it arrived; its body has been read
	Body      []byte        // the raw body, before aws-chunked and gzip are undone: what was signed
	Payload   []byte        // the body after both
	Service   string        // model name: "apigatewayv2"
	Operation string        // model name of the operation, "" when it is not known
	Signed    string        // service name of the credential scope: "apigateway"; "" for unsigned calls
	Input     any           // pointer to the SDK's input struct; nil while authenticating
}

// ServerOptions say what a [Server] serves.
type ServerOptions struct {
	// Services are the handlers by model name. A model without handlers is still known: its operations answer a clear
	// error.
	Services map[string]Operations
	// Unions are pointers to member types of union interfaces, see [Load].
	Unions []any
	// Authenticate finds the caller and returns a context that carries it ([WithCaller]). An *[Error] goes to the client
	// in the service's shape. nil: everybody is the root of Account.
	Authenticate func(ctx context.Context, r *Request) (context.Context, error)
	// Authorize is asked in order, after decoding and validation; the first error refuses the call. In-process calls pass
	// it too, with HTTP nil.
	Authorize []func(ctx context.Context, r *Request) error
	// Account and Region are the defaults where no Authenticate hook says otherwise.
	Account, Region string
	// Logger gets one record for each error that is not a client's. nil: slog.Default().
	Logger *slog.Logger
	// NewRequestID makes request ids; nil: random UUIDs.
	NewRequestID func() string
}

// Server is the control plane as an http.Handler.
type Server struct{ o ServerOptions }

// NewServer returns a server. It panics when Services names an unknown service or operation, or when a handler's types
// do not fit the model: these are programming errors.
func NewServer(o ServerOptions) *Server { return &Server{o: o} }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no operation", http.StatusBadRequest)
}

// Call runs an operation in this process; see the generic [Call].
func (s *Server) Call(ctx context.Context, service, operation string, in any) (any, error) {
	return s.o.Services[service][operation].call(ctx, in)
}
