package awswire

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Service is one AWS service in one wire protocol, compiled lazily from its trimmed model.
type Service struct {
	name     string
	protocol string // as models name it
	model    *model
	dialect  *dialect
	codec    codec
	unions   []reflect.Type // pointer types

	siblings func(protocol string) *Service // the same service in its other protocols

	mu    sync.Mutex // guards plans, errs and compilation
	plans map[planKey]*plan
	errs  map[reflect.Type]*errorPlan

	routes     func() *router
	errorNames func() map[string]*modelShape
	calls      sync.Map // callKeyOf → *callPlan
	missing    []string
}

// Load returns the service with the given model name: "lambda", "apigateway", "apigatewayv2", "cloudwatch", "logs",
// "iam", "sts". It panics for any other name. Where a service speaks several protocols this is the model's first. unions
// are pointers to the member types of the SDK's union interfaces
// (&types.ResourceConfigMemberX{}), which reflection cannot find.
func Load(name string, unions ...any) *Service {
	load := models[name]
	if load == nil {
		panic(fmt.Sprintf("awswire: no model for %q; there are %v", name, Names()))
	}
	m := load()
	f := &family{name: name, model: m, errorNames: sync.OnceValue(m.errorNames), members: map[string]*Service{}}
	for _, u := range unions {
		f.unions = append(f.unions, reflect.TypeOf(u))
	}
	return f.speaking(m.Metadata.Protocol)
}

// family is a service in all protocols that it speaks. Each has plans of its own: names and time formats differ.
type family struct {
	name       string
	model      *model
	unions     []reflect.Type
	errorNames func() map[string]*modelShape

	mu      sync.Mutex
	members map[string]*Service
}

func (f *family) speaking(protocol string) *Service {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.members[protocol]; s != nil {
		return s
	}
	s := &Service{name: f.name, protocol: protocol, model: f.model, dialect: dialects[f.name], unions: f.unions,
		plans: map[planKey]*plan{}, errs: map[reflect.Type]*errorPlan{}, errorNames: f.errorNames, siblings: f.speaking}
	s.codec = newCodec(s)
	s.routes = sync.OnceValue(func() *router { return newRouter(f.model) })
	f.members[protocol] = s
	return s
}

// speaking returns the service in another of its protocols; s itself where the model does not list it.
func (s *Service) speaking(protocol string) *Service {
	if protocol == s.protocol || !slices.Contains(s.model.Metadata.Protocols, protocol) {
		return s
	}
	return s.siblings(protocol)
}

// queryCompatible: clients that do not speak the query protocol expect its error codes beside their own.
func (s *Service) queryCompatible() bool {
	return s.model.Metadata.QueryCompatible != nil && s.protocol != protocolQuery
}

// Names lists the services that have a model.
func Names() []string {
	names := make([]string, 0, len(models))
	for n := range models {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Name is the model's name, "apigatewayv2".
func (s *Service) Name() string { return s.name }

// Operations lists the operations of the model in alphabetical order.
func (s *Service) Operations() []string {
	names := make([]string, 0, len(s.model.Operations))
	for n := range s.model.Operations {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s *Service) query() bool { return s.protocol == protocolQuery }

// callPlan is an operation with the Go types of its handler.
type callPlan struct {
	name   string
	op     *modelOperation
	status int
	in     *plan // nil: the operation has no input shape
	out    *plan
}

type callTypes struct {
	operation string
	in, out   reflect.Type
}

// plan compiles an operation for the given struct types; out may be nil (validation only).
func (s *Service) plan(operation string, in, out reflect.Type) (*callPlan, error) {
	k := callTypes{operation, in, out}
	if cp, ok := s.calls.Load(k); ok {
		return cp.(*callPlan), nil
	}
	op := s.model.Operations[operation]
	if op == nil {
		return nil, fmt.Errorf("awswire: service %s has no operation %s", s.name, operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &compiler{s: s, done: s.plans}
	cp := &callPlan{name: operation, op: op, status: op.HTTP.ResponseCode}
	if cp.status == 0 {
		cp.status = 200
	}
	var err error
	if op.Input.Shape != "" && in != nil {
		if cp.in, err = c.compile(&op.Input, in); err != nil {
			return nil, fmt.Errorf("awswire: input of %s %s: %w", s.name, operation, err)
		}
	}
	if op.Output.Shape != "" && out != nil {
		if cp.out, err = c.compile(&shapeRef{Shape: op.Output.Shape}, out); err != nil {
			return nil, fmt.Errorf("awswire: output of %s %s: %w", s.name, operation, err)
		}
	}
	s.missing = append(s.missing, c.missing...)
	s.calls.Store(k, cp)
	return cp, nil
}

// Validate checks a typed input (pointer to the SDK's input struct) against the model. The error is the *[Error] that a
// client would get: all violations in AWS's sentences.
func (s *Service) Validate(operation string, in any) error {
	v := reflect.ValueOf(in).Elem()
	cp, err := s.plan(operation, v.Type(), nil)
	if err != nil {
		return err
	}
	return s.validate(cp, v)
}

func (s *Service) validate(cp *callPlan, v reflect.Value) error {
	if cp.in == nil {
		return nil
	}
	c := s.checker(cp)
	c.walk(cp.in, v)
	return c.err(s.validationCode(cp))
}

// validationCode is the code of "N validation errors detected". CloudWatch Logs has InvalidParameterException, but
// ValidationException in its newer operations, whose models name only that (AWS recording
// test_put_delivery_destination_invalid_format).
func (s *Service) validationCode(cp *callPlan) string {
	code := s.dialect.validationCode
	if s.name != "logs" {
		return code
	}
	for _, e := range cp.op.Errors {
		switch e.Shape {
		case "InvalidParameterException":
			return e.Shape
		case "ValidationException":
			code = e.Shape
		}
	}
	return code
}

func (s *Service) checker(cp *callPlan) *checker {
	c := &checker{redact: s.dialect.redact}
	if s.dialect.inputPrefix {
		c.prefix = lowerFirst(cp.name) + "Input."
	}
	return c
}
