package console

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// steps are the calls that one change of an API takes: the commands that do the
// same, and how to take each back.
type steps struct {
	v        *visit
	api      string
	commands []string
	back     []func(context.Context, *apigateway.Client) error
}

// did notes the command of a call that was made.
func (x *steps) did(words ...string) {
	x.commands = append(x.commands, command(append([]string{"apigateway"}, words...)...))
}

// undo takes back what was done, the last first; each step once.
func (x *steps) undo(ctx context.Context) error {
	for len(x.back) > 0 {
		last := len(x.back) - 1
		if err := x.back[last](ctx, x.v.apis()); err != nil && !isMissing(err) {
			return err
		}
		x.back = x.back[:last]
	}
	return nil
}
