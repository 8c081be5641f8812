package awswire

import (
	"context"
	"reflect"
)

// Operation is one handler, wrapped once by [Op].
type Operation struct {
	in, out reflect.Type // struct types of input and output
	call    func(ctx context.Context, in any) (any, error)
}

// Operations maps the model's operation names to handlers.
type Operations map[string]Operation

// Op wraps a handler that has the signature of an SDK client's method:
//
//	awswire.Op(s.CreateFunction)
//
// I and O are the SDK's input and output structs. Options are never passed to the handler.
func Op[I, O, Opt any](f func(context.Context, *I, ...func(*Opt)) (*O, error)) Operation {
	return Operation{
		in:  reflect.TypeFor[I](),
		out: reflect.TypeFor[O](),
		call: func(ctx context.Context, in any) (any, error) {
			out, err := f(ctx, in.(*I))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}

// Call runs an operation of srv in this process: in is validated by the model's rules, the server's Authorize list is
// asked, then the handler runs with the caller that ctx carries. Errors are what a client of the service would see as
// typed errors: the handler's own, or *[Error].
func Call[I, O any](ctx context.Context, srv *Server, service, operation string, in *I) (*O, error) {
	out, err := srv.Call(ctx, service, operation, in)
	if err != nil {
		return nil, err
	}
	return out.(*O), nil
}
