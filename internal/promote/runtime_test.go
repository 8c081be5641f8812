package promote_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// Code does not start in a runtime of another family: that stops a promotion,
// with the command that mends it. Another version of the family is a warning.
func TestRuntimeFamilies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
	old := w.state(api, "staging", stageFunctions...)
	for _, c := range []struct {
		runtime types.Runtime
		handler string
		stops   bool
	}{
		{types.RuntimeNodejs20x, "server.handler", true},
		{types.RuntimeProvidedal2023, "bootstrap", true},
		{types.RuntimePython311, "index.handler", false},
		{types.RuntimePython312, "index.handler", false},
	} {
		w.configure("hello-staging", c.runtime, c.handler)
		p := w.plan(request)
		if stops := hasProblem(p, "", "runtime and handler first"); stops != c.stops {
			t.Fatalf("%s: %+v", c.runtime, p.Problems)
		}
		warned := strings.Contains(strings.Join(p.Warnings, "\n"), "keeps its runtime "+string(c.runtime))
		if differs := c.runtime != types.RuntimePython312; warned != (differs && !c.stops) {
			t.Errorf("%s: %v", c.runtime, p.Warnings)
		}
		if !c.stops {
			continue
		}
		const want = "aws lambda update-function-configuration --region us-east-1 --function-name hello-staging --runtime python3.12 --handler index.handler"
		if len(p.Problems) != 1 || len(p.Problems[0].Fix) != 1 || p.Problems[0].Fix[0] != want {
			t.Errorf("%+v", p.Problems)
		}
		if _, err := p.Run(context.Background(), nil); err == nil {
			t.Error("it runs all the same")
		}
		if now := w.state(api, "staging", stageFunctions...); now.Deployment != old.Deployment || now.Code["hello-staging"] != old.Code["hello-staging"] {
			t.Errorf("something has changed: %+v", now)
		}
	}
	// The same code in both needs no such runtime.
	w.run(w.plan(request))
	w.configure("hello-staging", types.RuntimeNodejs20x, "server.handler")
	if p := w.plan(request); len(p.Problems) != 0 {
		t.Errorf("%+v", p.Problems)
	}
}

func (w *world) configure(name string, runtime types.Runtime, handler string) {
	w.t.Helper()
	_, err := w.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Runtime: runtime, Handler: aws.String(handler),
	})
	must(w.t, err)
	w.settle(name)
}
