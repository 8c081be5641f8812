package promote_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

// alike are functions as a stagedoor does not have them: of images, or large.
type alike struct {
	target.FunctionReleases
	alter  func(*lambda.GetFunctionOutput)
	update func(*lambda.UpdateFunctionCodeInput)
}

func (a *alike) GetFunction(ctx context.Context, in *lambda.GetFunctionInput, o ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	out, err := a.FunctionReleases.GetFunction(ctx, in, o...)
	if err == nil {
		a.alter(out)
	}
	return out, err
}

func (a *alike) UpdateFunctionCode(ctx context.Context, in *lambda.UpdateFunctionCodeInput, o ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	a.update(in)
	return a.FunctionReleases.UpdateFunctionCode(ctx, in, o...)
}

func (w *world) like(alter func(*lambda.GetFunctionOutput), update func(*lambda.UpdateFunctionCodeInput)) {
	real := w.place.Functions
	w.place.Functions = func(region string) target.FunctionReleases {
		return &alike{real(region), alter, update}
	}
}

// Functions of images get the source's image, by the digest that it has now.
func TestImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	const registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com/"
	packages := map[string][]byte{"hello-dev": code(t, "new"), "bye-dev": code(t, "new bye")}
	var mu sync.Mutex // functions move side by side
	var images []string
	w.like(func(f *lambda.GetFunctionOutput) {
		f.Configuration.PackageType = types.PackageTypeImage
		f.Code = &types.FunctionCodeLocation{ImageUri: aws.String("tag"), ResolvedImageUri: aws.String(registry + *f.Configuration.FunctionName + "@sha256:0")}
	}, func(in *lambda.UpdateFunctionCodeInput) {
		if in.ZipFile != nil {
			t.Error("a package is sent to a function of an image")
		}
		mu.Lock()
		defer mu.Unlock()
		images = append(images, *in.ImageUri)
		name, _, _ := strings.Cut(strings.TrimPrefix(*in.ImageUri, registry), "@")
		in.ZipFile, in.ImageUri = packages[name], nil // which a stagedoor understands
	})
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	if text := strings.Join(p.Commands, "\n"); !strings.Contains(text, "--image-uri "+registry+"hello-dev@sha256:0") || strings.Contains(text, "curl") {
		t.Error(text)
	}
	if result := w.run(p); result.Outcome != promote.Promoted || len(images) != 2 {
		t.Errorf("%+v %v", result, images)
	}
}

// What Lambda does not take in a request is told before, with a way out.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	w.like(func(f *lambda.GetFunctionOutput) { f.Configuration.CodeSize = 60 << 20 }, nil)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	if !hasProblem(p, "", "Put it into a bucket") {
		t.Errorf("%+v", p.Problems)
	}
}

// busy refuses to change a stage a few times.
type busy struct {
	target.StageReleases
	times int
	err   error
}

func (b *busy) UpdateStage(ctx context.Context, in *apigateway.UpdateStageInput, o ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error) {
	if b.times--; b.times >= 0 {
		return nil, b.err
	}
	return b.StageReleases.UpdateStage(ctx, in, o...)
}

// A stage that is just being changed is tried again; throttling beyond the
// SDK's patience leaves the rest to the next run; what AWS refuses for good is
// undone at once.
func TestStageRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		times int
		err   error
		want  string // outcome, or "" for an interruption
	}{
		{"conflict", 2, &rest.ConflictException{Message: aws.String("Unable to complete operation due to concurrent modification. Please try again later.")}, promote.Promoted},
		{"throttled", 1, &rest.TooManyRequestsException{}, ""},
		{"refused", 1, &rest.BadRequestException{Message: aws.String("Invalid stage")}, promote.RolledBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			api := stages(w)
			old := w.state(api, "staging", stageFunctions...)
			request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
			w.place.Stages = &busy{w.place.Stages, c.times, c.err}
			result, err := w.plan(request).Run(context.Background(), nil)
			var interrupted *promote.InterruptedError
			switch {
			case c.want == "" && !errors.As(err, &interrupted), c.want != "" && (err != nil || result.Outcome != c.want):
				t.Fatalf("%+v %v", result, err)
			case c.want == "":
				result = w.run(w.plan(request))
			}
			now := w.state(api, "staging", stageFunctions...)
			if back := cmp.Equal(old, now); back != (result.Outcome == promote.RolledBack) {
				t.Errorf("%+v %+v", result, now)
			}
		})
	}
}

// A canary whose run died goes on to be watched, for as long and for what it
// was to be; what was counted before counts.
func TestBakeGoesOn(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		w := newWorld(t)
		api := aliases(w)
		if broken {
			w.update("shared", "'+nonsense+'")
		}
		old := w.state(api, "staging", "shared:staging")
		request := promote.Request{API: api, From: "dev", To: "staging", Canary: 50, Bake: 2 * time.Second, AbortOn: limits(t, "errors>0"), Caller: somebody(1)}
		ctx, cancel := context.WithCancel(context.Background())
		_, err := w.plan(request).Run(ctx, func(e promote.Event) {
			if e.Kind == "wait" {
				w.share(api, "staging", "/hello", "")
				cancel()
			}
		})
		var interrupted *promote.InterruptedError
		if !errors.As(err, &interrupted) || interrupted.Record.State != promote.Baking {
			t.Fatalf("%v", err)
		}
		p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(2)})
		if p.Kind != "resumption" || p.Request.Bake != request.Bake {
			t.Errorf("%+v", p)
		}
		result := w.run(p)
		if broken != (result.Outcome == promote.RolledBack) {
			t.Errorf("broken: %v, %+v", broken, result)
		}
		if back := cmp.Equal(old, w.state(api, "staging", "shared:staging")); back != broken {
			t.Errorf("broken: %v, as before: %v", broken, back)
		}
	}
}
