package awswire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"sync"
)

// Request is what hooks see of a control-plane call.
type Request struct {
	HTTP      *http.Request // as it arrived; its body has been read. nil for in-process calls
	Body      []byte        // the raw body, before aws-chunked and gzip are undone: what was signed
	Payload   []byte        // the body after both
	Service   string        // model name: "apigatewayv2"; of a foreign service the name in the credential scope
	Operation string        // model name of the operation, "" when it is not known
	Signed    string        // service name of the credential scope: "apigateway"; "" for unsigned calls
	NoAuth    bool          // the model says that this operation needs no signature (AssumeRoleWithWebIdentity)
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
	// Remedy says of an error that is not a client's what a person can do about it (a full disk): the text takes the
	// message's place in the 500 that hides all others. "" where there is nothing to say. nil: never.
	Remedy func(err error) string
	// NewRequestID makes request ids; nil: random UUIDs.
	NewRequestID func() string
}

// Server is the control plane as an http.Handler.
type Server struct {
	o        ServerOptions
	services map[string]*serverService
}

type serverService struct {
	target string // X-Amz-Target prefix
	load   func() *Service
}

// targets are the X-Amz-Target prefixes, here so that finding a service parses no model; a test compares them.
var targets = map[string]string{"cloudwatch": "GraniteServiceVersion20100801", "logs": "Logs_20140328"}

// NewServer returns a server. Models are read and plans compiled at the first call that needs them; [Server.Check] does
// it at once. It panics when Services names a service without a model.
func NewServer(o ServerOptions) *Server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.NewRequestID == nil {
		o.NewRequestID = newUUID
	}
	s := &Server{o: o, services: map[string]*serverService{}}
	for _, name := range Names() {
		s.services[name] = &serverService{
			target: targets[name],
			load:   sync.OnceValue(func() *Service { return Load(name, o.Unions...) }),
		}
	}
	for name := range o.Services {
		if s.services[name] == nil {
			panic(fmt.Sprintf("awswire: handlers for %q, which has no model; there are %v", name, Names()))
		}
	}
	return s
}

func (s *Server) service(name string) *Service {
	if e := s.services[name]; e != nil {
		return e.load()
	}
	return nil
}

// Check compiles every handler against its model and returns what does not fit: unknown operations and types. For a
// test of whoever wires the server.
func (s *Server) Check() error {
	var errs []error
	for name, ops := range s.o.Services {
		for op, h := range ops {
			if _, err := s.service(name).plan(op, h.in, h.out); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &exchange{s: s, r: r, id: s.o.NewRequestID()}
	c.m = s.match(r)
	a := c.run()
	c.write(w, a)
}

// exchange is one HTTP call.
type exchange struct {
	s  *Server
	r  *http.Request
	m  *matched
	id string

	raw, payload []byte
	wire         wireRequest
}

func (c *exchange) run() *answer {
	if err := c.readRequest(); err != nil {
		return c.fail(err)
	}
	req := &Request{HTTP: c.r, Body: c.raw, Payload: c.payload, Signed: SigningService(c.r), Operation: c.m.op}
	if c.m.svc != nil {
		req.Service = c.m.svc.name
		if op := c.m.svc.model.Operations[c.m.op]; op != nil {
			req.NoAuth = op.AuthType == "none"
		}
	} else {
		req.Service = req.Signed
	}
	ctx, err := c.authenticate(req)
	if err != nil {
		return c.fail(err)
	}
	if c.m.failed != nil {
		return c.fail(c.m.failed)
	}
	return c.operate(ctx, req)
}

func (c *exchange) authenticate(req *Request) (context.Context, error) {
	ctx := withCall(c.r.Context(), &call{service: req.Service, operation: req.Operation, requestID: c.id, host: c.r.Host, remote: c.r.RemoteAddr})
	if c.s.o.Authenticate == nil || c.m.svc == nil && c.m.failed != nil && req.Signed == "" {
		return WithCaller(ctx, c.s.defaultCaller()), nil
	}
	return c.s.o.Authenticate(ctx, req)
}

func (s *Server) defaultCaller() Caller {
	return Caller{Account: s.o.Account, Region: s.o.Region, ARN: "arn:aws:iam::" + s.o.Account + ":root",
		UserID: s.o.Account, Root: true}
}

// readRequest reads and unwraps the body and completes the match of a query-protocol call.
func (c *exchange) readRequest() error {
	limit := c.limit()
	rawLimit := limit
	if chunked(c.r.Header) {
		rawLimit += limit/8 + 1<<16 // the framing: at least 8 KB chunks with some 100 bytes each
	}
	var err error
	if c.raw, err = readBody(c.r, rawLimit); err == nil {
		c.payload, err = unwrap(c.r.Header, c.raw, limit)
	}
	if err != nil {
		return c.bodyError(err, limit)
	}
	c.wire = wireRequest{header: c.r.Header, query: c.m.query, labels: c.m.labels, body: c.payload}
	if _, isQuery := c.codec().(queryXML); !isQuery || c.m.failed != nil {
		return nil
	}
	values, err := url.ParseQuery(string(c.payload))
	if err != nil {
		return &Error{Code: "MalformedInput", Status: 400, Message: "The request body is not a valid form"} // unverified
	}
	if c.wire.form, err = parseForm(c.m.query, values); err != nil {
		return err
	}
	c.s.matchAction(c.m, c.wire.form)
	return nil
}

func (c *exchange) limit() int64 {
	if c.m.svc == nil {
		return mebibyte
	}
	d := c.m.svc.dialect
	if n, ok := d.limits[c.m.op]; ok {
		return n
	}
	return d.limit
}

func (c *exchange) bodyError(err error, limit int64) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case c.m.failed != nil: // S3's PutObject: that the service is not there says more than its size
		return c.m.failed
	case !errors.Is(err, errTooLarge):
		return malformed("")
	case c.m.svc != nil && c.m.svc.dialect.limitError != nil:
		return c.m.svc.dialect.limitError(c.m.op, limit)
	}
	return &Error{Code: "RequestEntityTooLargeException", Status: 413,
		Message: fmt.Sprintf("Request must be smaller than %d bytes", limit)} // unverified text
}

// operate decodes, asks, calls and encodes.
func (c *exchange) operate(ctx context.Context, req *Request) *answer {
	svc, name := c.m.svc, c.m.op
	h, ok := c.s.o.Services[svc.name][name]
	if !ok {
		return c.fail(unsupported(svc.name, name))
	}
	cp, err := svc.plan(name, h.in, h.out)
	if err != nil {
		return c.fail(err)
	}
	in := reflect.New(h.in)
	present, err := svc.decode(cp, &c.wire, in.Elem())
	if err != nil {
		return c.fail(err)
	}
	req.Input = in.Interface()
	ctx = withCall(ctx, &call{service: svc.name, operation: name, requestID: c.id, host: c.r.Host, remote: c.r.RemoteAddr, present: present})
	for _, authorize := range c.s.o.Authorize {
		if err := authorize(ctx, req); err != nil {
			return c.fail(err)
		}
	}
	out, err := protect(ctx, h, in.Interface())
	if err != nil {
		return c.fail(err)
	}
	v := reflect.ValueOf(out)
	if v.IsNil() {
		v = reflect.New(h.out)
	}
	return svc.codec.encode(svc, cp, v.Elem(), c.id)
}

// decode fills the input struct in and judges it on its wire form.
func (s *Service) decode(cp *callPlan, r *wireRequest, in reflect.Value) (*presence, error) {
	present := &presence{nodes: make([]presenceNode, 0, 16)}
	if cp.in == nil {
		return present, nil
	}
	d := &decoding{checker: *s.checker(cp), present: present, javaTypes: s.dialect.javaTypes}
	if err := s.codec.decode(d, cp, r, in); err != nil {
		return nil, err
	}
	return present, d.err(s.validationCode(cp))
}

// panicError is a recovered panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// protect calls a handler; a panic is an error of this one call.
func protect(ctx context.Context, h Operation, in any) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return h.call(ctx, in)
}

// Call runs an operation in this process; see the generic [Call].
func (s *Server) Call(ctx context.Context, service, operation string, in any) (any, error) {
	svc := s.service(service)
	if svc == nil {
		return nil, unsupported(service, operation)
	}
	h, ok := s.o.Services[service][operation]
	if !ok {
		return nil, unsupported(service, operation)
	}
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.Type().Elem() != h.in {
		return nil, fmt.Errorf("awswire: %s %s takes *%s, not %T", service, operation, h.in, in)
	}
	cp, err := svc.plan(operation, h.in, h.out)
	if err != nil {
		return nil, err
	}
	if err := svc.validate(cp, v.Elem()); err != nil {
		return nil, err
	}
	if (CallerFrom(ctx) == Caller{}) {
		ctx = WithCaller(ctx, s.defaultCaller())
	}
	c := &call{service: service, operation: operation, requestID: s.o.NewRequestID(),
		present: &presence{plan: cp.in, value: v.Elem()}}
	ctx = withCall(ctx, c)
	for _, authorize := range s.o.Authorize {
		if err := authorize(ctx, &Request{Service: service, Operation: operation, Input: in}); err != nil {
			return nil, err
		}
	}
	out, err := protect(ctx, h, in)
	if err != nil {
		return nil, s.visible(ctx, svc, c, err)
	}
	return out, nil
}

// visible keeps errors that are meant for clients and hides the others, after logging them.
func (s *Server) visible(ctx context.Context, svc *Service, c *call, err error) error {
	if _, known := svc.classify(err); known {
		return err
	}
	s.logFailure(ctx, c.service, c.operation, c.requestID, err)
	return s.hidden(svc, err)
}

// hidden is what a client sees of an error that is not meant for it.
func (s *Server) hidden(svc *Service, err error) *Error {
	e := svc.unknownError()
	if s.o.Remedy != nil {
		if text := s.o.Remedy(err); text != "" {
			e.Message = text
		}
	}
	return e
}

func (s *Server) logFailure(ctx context.Context, service, operation, id string, err error) {
	s.o.Logger.ErrorContext(ctx, "operation failed", "service", service, "operation", operation, "requestId", id, "error", err)
}
