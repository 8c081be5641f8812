package runtimeapi

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// MaxPayload is the largest answer of a function, in bytes: 6 MB and 100 bytes
// of envelope (interop.MaxPayloadSize of AWS's emulator).
const MaxPayload = 6*1024*1024 + 100

// Errors of Invoke.
var (
	// ErrClosed: the Server was closed and the runtime never saw the invocation.
	ErrClosed = errors.New("runtimeapi: server closed")
	// ErrLost: the Server was closed while the runtime had the invocation.
	ErrLost = errors.New("runtimeapi: the runtime went away with the invocation")
	ErrBusy = errors.New("runtimeapi: an invocation is already under way")
)

// Invocation is what the runtime gets from invocation/next.
type Invocation struct {
	ID              string
	InvokedARN      string
	TraceID         string
	ClientContext   string // JSON
	CognitoIdentity string // JSON
	Deadline        time.Time
	Payload         []byte
}

// Outcome is what the runtime answered.
type Outcome struct {
	Payload     []byte // the answer, or the error object; owned by the receiver
	ContentType string
	// Failed: the runtime posted to …/error, to init/error, or an answer over
	// MaxPayload (then Payload is AWS's error object).
	Failed    bool
	ErrorType string // Lambda-Runtime-Function-Error-Type, "" when it was not sent
	Init      bool   // it was posted to init/error
}

// state of the runtime; the names are those of AWS's emulator and appear in
// error bodies.
type state string

const (
	stateStarted       state = "Started"
	stateInitError     state = "InitError"
	stateReady         state = "Ready"
	stateRunning       state = "Running"
	stateResponse      state = "InvocationResponse"
	stateErrorResponse state = "InvocationErrorResponse"
	stateResponseSent  state = "ResponseSent"
)

// Server answers the Runtime API of one environment.
type Server struct {
	mu     sync.Mutex
	state  state
	cur    *Invocation // handed to the runtime; its id stays valid until the next one is handed over
	next   *Invocation // waits for invocation/next
	busy   bool        // an Invoke is under way
	parked []*conn     // connections that wait in invocation/next, oldest first
	conns  map[*conn]struct{}
	idle   chan struct{} // made by Drain, closed when conns is empty
	lns    []net.Listener
	closed bool

	done      chan Outcome  // answer of the invocation under way; capacity 1
	ready     chan struct{} // closed at the first invocation/next
	readyAt   time.Time
	initErr   chan struct{} // closed at init/error
	initError Outcome
	stop      chan struct{} // closed by Close
	wg        sync.WaitGroup
}

// New returns a Server without connections.
func New() *Server {
	return &Server{
		state:   stateStarted,
		conns:   map[*conn]struct{}{},
		done:    make(chan Outcome, 1),
		ready:   make(chan struct{}),
		initErr: make(chan struct{}),
		stop:    make(chan struct{}),
	}
}

// Ready is closed when the runtime first asks for an invocation: init is over.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// ReadyAt is when Ready was closed.
func (s *Server) ReadyAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readyAt
}

// InitFailed is closed when the runtime posts to init/error; InitError has the
// report then.
func (s *Server) InitFailed() <-chan struct{} { return s.initErr }

// InitError is the report of init/error; valid once InitFailed is closed.
func (s *Server) InitError() Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initError
}

// Serve accepts connections until l or the Server is closed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.Join(ErrClosed, l.Close())
	}
	s.lns = append(s.lns, l)
	s.mu.Unlock()
	for {
		c, err := l.Accept()
		if err != nil {
			select {
			case <-s.stop:
				return ErrClosed
			default:
				return err
			}
		}
		go s.ServeConn(c)
	}
}

// ServeConn answers requests on c until it or the Server is closed. It closes c.
func (s *Server) ServeConn(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	defer s.drop(c)
	c.serve()
}

func (s *Server) drop(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.unpark(c)
	if len(s.conns) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
	s.mu.Unlock()
	c.nc.Close()
}

// Drain waits until every connection has ended by itself, but no longer than
// limit: when a runtime exits, what it sent last may not have been read yet.
func (s *Server) Drain(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		s.mu.Lock()
		n := len(s.conns)
		s.idle = make(chan struct{})
		idle := s.idle
		s.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-idle:
		case <-timer.C:
			return
		}
	}
}

// Close ends every connection and listener and waits for their goroutines. An
// Invoke under way returns ErrClosed.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		for _, l := range s.lns {
			l.Close()
		}
		for c := range s.conns {
			c.nc.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Invoke hands in to the runtime, now or as soon as it asks, and waits for the
// answer. An init/error that comes instead is the answer too. When ctx ends first
// its error is returned and the invocation goes on: Wait for it, or Close the
// Server.
func (s *Server) Invoke(ctx context.Context, in *Invocation) (Outcome, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Outcome{}, ErrClosed
	}
	if s.busy {
		s.mu.Unlock()
		return Outcome{}, ErrBusy
	}
	s.busy = true
	s.next = in
	var c *conn
	if n := len(s.parked); n > 0 {
		c = s.parked[n-1]
		s.parked = s.parked[:n-1]
		s.handOver()
	}
	s.mu.Unlock()
	if c != nil {
		c.deliver(in) // a failed write: the runtime is dead, or asks again
	}
	return s.Wait(ctx, in)
}

// Wait goes on waiting for in after an Invoke or Wait whose ctx had ended.
func (s *Server) Wait(ctx context.Context, in *Invocation) (Outcome, error) {
	select {
	case o := <-s.done:
		return s.finish(o)
	default:
	}
	select {
	case o := <-s.done:
		return s.finish(o)
	case <-s.initErr:
		return s.InitError(), nil
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	case <-s.stop:
		return s.lost(in)
	}
}

// lost tells what became of in when the Server was closed.
func (s *Server) lost(in *Invocation) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case o := <-s.done: // the answer came last of all
		return o, nil
	default:
	}
	if s.cur == in {
		return Outcome{}, ErrLost
	}
	return Outcome{}, ErrClosed
}

func (s *Server) finish(o Outcome) (Outcome, error) {
	s.mu.Lock()
	s.busy = false
	s.mu.Unlock()
	return o, nil
}

// handOver makes the waiting invocation the running one. s.mu is held.
func (s *Server) handOver() {
	s.cur, s.next = s.next, nil
	s.state = stateRunning
}

func (s *Server) unpark(c *conn) {
	if i := slices.Index(s.parked, c); i >= 0 {
		s.parked = slices.Delete(s.parked, i, i+1)
	}
}

// askNext is the transition of invocation/next. It returns the invocation to
// answer with, or nil when c is parked.
func (s *Server) askNext(c *conn) (*Invocation, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case stateStarted:
		s.readyAt = time.Now()
		close(s.ready)
	case stateReady, stateResponseSent:
	case stateRunning:
		// As on AWS, the running invocation is handed out again: a runtime
		// that lost its connection gets a second chance.
		return s.cur, nil
	default:
		return nil, forbidden(s.state, stateReady)
	}
	s.state = stateReady
	if s.next != nil {
		s.handOver()
		return s.cur, nil
	}
	s.parked = append(s.parked, c)
	return nil, nil
}

// checkID validates an invocation id before anything else is judged.
func (s *Server) checkID(id string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || s.cur.ID != id {
		return errInvalidRequestID
	}
	return nil
}

// answer is the transition of …/response and …/error.
func (s *Server) answer(id string, to state, o Outcome) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || s.cur.ID != id {
		return errInvalidRequestID
	}
	if s.state != stateRunning {
		return forbidden(s.state, to)
	}
	s.state = stateResponseSent
	s.done <- o // capacity 1, and one answer per invocation
	return nil
}

// failInit is the transition of init/error.
func (s *Server) failInit(o Outcome) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateStarted {
		return forbidden(s.state, stateInitError)
	}
	s.state = stateInitError
	o.Failed, o.Init = true, true
	s.initError = o
	close(s.initErr)
	return nil
}
