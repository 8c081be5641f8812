package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// scope lets target.Read see one API and the functions that it leads to, so
// that a promotion in an account with hundreds of others takes a few calls.
type scope struct {
	place *target.Promoter
	api   string // id or name
	calls *atomic.Int64
	// stages are those to read; nil reads all of an API that has few.
	stages []string
	// lead tells which functions are wanted, from the API alone.
	lead func(d *target.Dump) target.Wanted

	mu        sync.Mutex
	wanted    []string                             // ARNs of this region
	functions map[string]*lambda.GetFunctionOutput // by ARN[:qualifier], as asked for
}

// fewStages are all read, so that it can be told who else calls a function.
// AWS's quota is 10 for each API.
const fewStages = 10

// call counts an operation.
func call[I, O, Opt any](ctx context.Context, calls *atomic.Int64, operation func(context.Context, *I, ...func(*Opt)) (*O, error), in *I) (*O, error) {
	calls.Add(1)
	return operation(ctx, in)
}

// read takes the picture.
func (s *scope) read(ctx context.Context) (*target.Dump, error) {
	clients := *s.place.Clients
	clients.RestAPIs = oneAPI{s.place.Clients.RestAPIs, s}
	clients.HTTPAPIs = nil
	clients.Functions = func(region string) target.Functions {
		return someFunctions{s.place.Clients.Functions(region), s, region}
	}
	d, err := target.Read(ctx, &clients, target.Options{Wanted: func(d *target.Dump) target.Wanted {
		w := s.lead(d)
		for arn := range w.Functions {
			if strings.HasPrefix(arn, "arn:") && part(arn, 3) == d.Region && part(arn, 4) == d.Account {
				s.wanted = append(s.wanted, arn)
			}
		}
		slices.Sort(s.wanted)
		return w
	}})
	if d != nil {
		s.calls.Add(int64(d.Calls))
	}
	var mistake *usageError
	if errors.As(err, &mistake) { // and not of who may list what
		err = mistake
	}
	return d, err
}

// oneAPI answers as if the region had one API, with the stages that matter.
type oneAPI struct {
	target.RestAPIs
	scope *scope
}

func (o oneAPI) GetRestApis(ctx context.Context, in *apigateway.GetRestApisInput, _ ...func(*apigateway.Options)) (*apigateway.GetRestApisOutput, error) {
	var found, byName []rest.RestApi
	var names []string
	for {
		page, err := o.RestAPIs.GetRestApis(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, api := range page.Items {
			names = append(names, aws.ToString(api.Name)+" ("+aws.ToString(api.Id)+")")
			switch o.scope.api {
			case aws.ToString(api.Id):
				found = append(found, api)
			case aws.ToString(api.Name):
				byName = append(byName, api)
			}
		}
		if page.Position == nil {
			break
		}
		in = &apigateway.GetRestApisInput{Limit: in.Limit, Position: page.Position}
	}
	if len(found) == 0 {
		found = byName
	}
	switch {
	case len(found) == 1:
		return &apigateway.GetRestApisOutput{Items: found}, nil
	case len(found) > 1:
		ids := make([]string, len(found))
		for i := range found {
			ids[i] = aws.ToString(found[i].Id)
		}
		return nil, &usageError{fmt.Sprintf("%d REST APIs are named %q: say which by its id: %s", len(found), o.scope.api, strings.Join(ids, ", "))}
	case len(names) == 0:
		return nil, &usageError{fmt.Sprintf("there is no REST API %q: the region %s has none", o.scope.api, o.scope.place.Clients.Region)}
	}
	slices.Sort(names)
	more := ""
	if len(names) > 10 {
		names, more = names[:10], fmt.Sprintf(" and %d more", len(names)-10)
	}
	return nil, &usageError{fmt.Sprintf("there is no REST API %q in %s; there is %s%s", o.scope.api, o.scope.place.Clients.Region, strings.Join(names, ", "), more)}
}

func (o oneAPI) GetStages(ctx context.Context, in *apigateway.GetStagesInput, _ ...func(*apigateway.Options)) (*apigateway.GetStagesOutput, error) {
	out, err := o.RestAPIs.GetStages(ctx, in)
	if err != nil || len(out.Item) <= fewStages {
		return out, err
	}
	kept := slices.DeleteFunc(slices.Clone(out.Item), func(s rest.Stage) bool {
		return !slices.Contains(o.scope.stages, aws.ToString(s.StageName))
	})
	return &apigateway.GetStagesOutput{Item: kept}, nil
}

// GetAccount asks nothing: whether execution logs can be written does not
// decide a promotion.
func (o oneAPI) GetAccount(context.Context, *apigateway.GetAccountInput, ...func(*apigateway.Options)) (*apigateway.GetAccountOutput, error) {
	return &apigateway.GetAccountOutput{}, nil
}

// someFunctions answers as if the region had the wanted functions only.
type someFunctions struct {
	target.Functions
	scope  *scope
	region string
}

func (f someFunctions) ListFunctions(ctx context.Context, _ *lambda.ListFunctionsInput, _ ...func(*lambda.Options)) (*lambda.ListFunctionsOutput, error) {
	if err := f.scope.load(ctx, f.scope.wanted); err != nil {
		return nil, err
	}
	out := &lambda.ListFunctionsOutput{}
	for _, arn := range f.scope.wanted {
		if found := f.scope.functions[arn]; found != nil {
			out.Functions = append(out.Functions, *found.Configuration)
		}
	}
	return out, nil
}

// ListFunctionUrlConfigs asks nothing: a promotion changes no URL.
func (f someFunctions) ListFunctionUrlConfigs(context.Context, *lambda.ListFunctionUrlConfigsInput, ...func(*lambda.Options)) (*lambda.ListFunctionUrlConfigsOutput, error) {
	return &lambda.ListFunctionUrlConfigsOutput{}, nil
}

// load asks for functions by ARN[:qualifier] that are not known yet. Those
// that do not exist stay unknown.
func (s *scope) load(ctx context.Context, arns []string) error {
	return each(ctx, atOnce, arns, func(ctx context.Context, arn string) error {
		s.mu.Lock()
		known := s.functions[arn] != nil
		s.mu.Unlock()
		if known {
			return nil
		}
		out, err := getFunction(ctx, s.place, s.calls, arn)
		switch {
		case code(err) == "ResourceNotFoundException":
			return nil
		case err != nil:
			return fmt.Errorf("reading function %s: %w", short(arn), err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.functions == nil {
			s.functions = map[string]*lambda.GetFunctionOutput{}
		}
		s.functions[arn] = out
		return nil
	})
}

// getFunction reads ARN[:qualifier].
func getFunction(ctx context.Context, place *target.Promoter, calls *atomic.Int64, arn string) (*lambda.GetFunctionOutput, error) {
	bare, qualifier := splitARN(arn)
	in := &lambda.GetFunctionInput{FunctionName: &bare}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	out, err := call(ctx, calls, place.Functions(part(arn, 3)).GetFunction, in)
	if err == nil && out.Configuration == nil {
		out.Configuration = &types.FunctionConfiguration{}
	}
	return out, err
}

// atOnce is how many calls are under way together.
const atOnce = 8

// each runs f for all items, n at a time, and returns the first error. What has
// begun ends; after an error nothing new begins.
func each[T any](ctx context.Context, n int, items []T, f func(context.Context, T) error) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		failed  error
	)
	queue := make(chan T)
	for range min(n, len(items)) {
		running.Go(func() {
			for item := range queue {
				mu.Lock()
				stop := failed != nil
				mu.Unlock()
				if stop {
					continue
				}
				err := ctx.Err()
				if err == nil {
					err = f(ctx, item)
				}
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	running.Wait()
	return failed
}

// usageError is a mistake of the person who asks.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// code is AWS's name of an error, "" when AWS did not answer with one.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// part is the n-th element of an ARN.
func part(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) <= n {
		return ""
	}
	return parts[n]
}

// splitARN parts a function's ARN from its qualifier.
func splitARN(arn string) (bare, qualifier string) {
	name := part(arn, 6)
	_, qualifier, _ = strings.Cut(name, ":")
	return strings.TrimSuffix(arn, ":"+qualifier), qualifier
}

// short is a function's name for a person, with its qualifier.
func short(arn string) string {
	if name := part(arn, 6); name != "" {
		return name
	}
	return arn
}

// leadTo are the functions and roles that a stage leads to.
func leadTo(d *target.Dump) target.Wanted { return doctor.Wanted(nil)(d) }
