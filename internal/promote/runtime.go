package promote

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// family is what a runtime's name begins with: python of python3.12, nodejs of
// nodejs20.x, provided of provided.al2023, dotnet of dotnetcore3.1 (Lambda
// developer guide, lambda-runtimes). Code of one family does not start in
// another; in another version of its own it may. go1.x wants an executable of
// the handler's name, provided one named bootstrap: two families.
func family(runtime types.Runtime) string {
	name := string(runtime)
	if end := strings.IndexAny(name, "0123456789."); end >= 0 {
		name = name[:end]
	}
	return strings.TrimSuffix(name, "core")
}

// otherFamily stops a promotion whose code cannot start where it is brought to.
func otherFamily(m *FunctionMove, from, to *types.FunctionConfiguration) Problem {
	bare, _ := splitARN(m.Function)
	return Problem{
		Title: "another runtime", Function: m.Function,
		Sentence: fmt.Sprintf("%s is code for %s, and %s runs %s: a promotion brings code and leaves the configuration, so every call would fail.",
			short(m.Source), from.Runtime, short(m.Function), to.Runtime),
		Remedy: "Give the function runtime and handler first (its old code does not run from then on), then promote:",
		Fix: []string{shell("aws", "lambda", "update-function-configuration", "--region", part(bare, 3), "--function-name", short(bare),
			"--runtime", string(from.Runtime), "--handler", aws.ToString(from.Handler))},
	}
}
