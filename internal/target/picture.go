package target

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Picture is one REST API as its stages run it: what diff compares and what
// promote starts from.
type Picture struct {
	// Dump holds this API alone, with the stages that were asked for, and the
	// functions and roles that they lead to: package doctor examines it. The
	// API's other stages are in it by name only, as stages without methods, so
	// that a grant for another stage is told from one for none.
	Dump *Dump
	// API is the one of Dump.RestAPIs.
	API *RestAPI
	// Stages are the names of all stages of the API, in order.
	Stages []string
	// Read are the stages that were read closely, in the order of Stages.
	Read []string
	// Called are the functions that those stages lead to, by the ARN with the
	// qualifier that is called.
	Called map[string]*Called
}

// Called is one function under the qualifier by which it is called.
type Called struct {
	ARN       string // without the qualifier
	Qualifier string // "" is the bare function, otherwise an alias, a version or $LATEST

	// Configuration is what GetFunctionConfiguration answers of the qualifier,
	// the environment with its values included; nil with Missing or Unread.
	Configuration *lambda.GetFunctionConfigurationOutput
	// Alias is set where the qualifier is one.
	Alias *types.AliasConfiguration
	// Weighted are the further versions that the alias sends calls to.
	Weighted map[string]*lambda.GetFunctionConfigurationOutput
	// Missing says that there is no such function, or no such qualifier of it.
	Missing bool
	// Unread says why the place does not tell; "" when it does.
	Unread string
	// NoEnvironment says that the environment is left out of Configuration,
	// because it comes from a dump.
	NoEnvironment bool
}

// Qualified is the ARN with the qualifier.
func (c *Called) Qualified() string {
	if c.Qualifier == "" {
		return c.ARN
	}
	return c.ARN + ":" + c.Qualifier
}

// APIOptions say how ReadAPI reads.
type APIOptions struct {
	// Stages are read closely; none: all.
	Stages []string
	// Wanted tells which functions and roles the stages lead to: doctor.Wanted.
	Wanted func(d *Dump) Wanted
	// Versions lists the published versions of the functions, too, which needs
	// lambda:ListVersionsByFunction beside ReadAPIPolicy. Otherwise Dump's
	// functions have those versions only that are called.
	Versions bool
	// Progress is told how many of the things known so far have been read;
	// nil: nobody.
	Progress func(done, total int)
	// Now is for tests; nil: time.Now.
	Now func() time.Time
}

// Unknown is the error for an API or a stage that is not there, or that is not
// said clearly enough.
type Unknown struct {
	What  string   // "API" or "stage"
	Name  string   // as it was asked for
	Where string   // "account 111122223333 in eu-central-1", "API shop (a1b2c3d4e5)"
	There []string // what there is instead
	// Ambiguous says that There are the several that have the name.
	Ambiguous bool
}

// thereShown bounds how many names an error lists.
const thereShown = 20

func (u *Unknown) Error() string {
	list := strings.Join(u.There[:min(len(u.There), thereShown)], ", ")
	if more := len(u.There) - thereShown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	switch {
	case u.Ambiguous:
		return fmt.Sprintf("%d APIs are called %q in %s: say which one by its id: %s", len(u.There), u.Name, u.Where, list)
	case len(u.There) == 0:
		return fmt.Sprintf("there is no %s %q in %s, nor any other: is it another region or place?", u.What, u.Name, u.Where)
	case len(u.There) == 1:
		return fmt.Sprintf("there is no %s %q in %s, only: %s", u.What, u.Name, u.Where, list)
	default:
		return fmt.Sprintf("there is no %s %q in %s; there are: %s", u.What, u.Name, u.Where, list)
	}
}

// ReadAPI takes a picture of one REST API, named by its id or by its name. It
// takes O(stages + functions) calls, which Picture.Dump counts, and is
// read-only; ReadAPIPolicy is the IAM policy that it needs. What the place does
// not tell is in the Dump as unread. An API or a stage that is not there is an
// *Unknown.
func ReadAPI(ctx context.Context, c *Clients, api string, o APIOptions) (*Picture, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &reader{clients: c, whole: true, options: Options{Progress: o.Progress}, dump: &Dump{
		Format: Format, Version: Version, Taken: o.Now().UTC(), Region: c.Region, Endpoint: c.Endpoint,
		Functions: []*Function{}, Partial: true,
	}}
	before := int64(0)
	if c.Requests != nil {
		before = c.Requests()
	}
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	p, err := r.picture(ctx, api, &o)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	r.dump.Calls = int(r.calls.Load())
	if c.Requests != nil {
		r.dump.Requests = c.Requests() - before
	}
	slices.SortFunc(r.dump.Unread, func(a, b Unread) int { return strings.Compare(a.What, b.What) })
	return p, nil
}

func (r *reader) picture(ctx context.Context, name string, o *APIOptions) (*Picture, error) {
	p := &Picture{Dump: r.dump, Called: map[string]*Called{}}
	if err := r.account(ctx); err != nil {
		return nil, err
	}
	var err error
	if p.API, err = r.findAPI(ctx, name); err != nil {
		return nil, err
	}
	r.dump.RestAPIs = []*RestAPI{p.API}
	if err := r.pictureStages(ctx, p, o.Stages); err != nil {
		return nil, err
	}
	if o.Wanted != nil {
		r.wanted = o.Wanted(r.dump)
	}
	r.called(ctx, p, o.Versions)
	return p, r.roles(ctx)
}

// findAPI looks an API up by its id, and otherwise by its name.
func (r *reader) findAPI(ctx context.Context, name string) (*RestAPI, error) {
	if isAPIID(name) {
		out, err := call(ctx, r, r.clients.RestAPIs.GetRestApi, &apigateway.GetRestApiInput{RestApiId: &name})
		switch {
		case err == nil:
			return &RestAPI{API: rest.RestApi{
				Id: out.Id, Name: out.Name, Description: out.Description, Version: out.Version, CreatedDate: out.CreatedDate,
				ApiKeySource: out.ApiKeySource, BinaryMediaTypes: out.BinaryMediaTypes, MinimumCompressionSize: out.MinimumCompressionSize,
				DisableExecuteApiEndpoint: out.DisableExecuteApiEndpoint, EndpointConfiguration: out.EndpointConfiguration,
				Policy: out.Policy, RootResourceId: out.RootResourceId, Tags: out.Tags, Warnings: out.Warnings,
			}}, nil
		case !missing(err):
			return nil, fmt.Errorf("%s does not tell of API %s (apigateway:GET on it is needed): %w", r.place(), name, plain(err))
		}
	}
	var all []rest.RestApi
	for position := (*string)(nil); ; {
		most := int32(pageSize)
		page, err := call(ctx, r, r.clients.RestAPIs.GetRestApis, &apigateway.GetRestApisInput{Limit: &most, Position: position})
		if err != nil {
			return nil, fmt.Errorf("%s does not list its REST APIs, so %q cannot be found by its name; give its id, or allow apigateway:GET on /restapis: %w", r.place(), name, plain(err))
		}
		all = append(all, page.Items...)
		if position = page.Position; position == nil {
			break
		}
	}
	at, err := choose(all, name, "account "+r.dump.Account+" in "+r.dump.Region)
	if err != nil {
		return nil, err
	}
	return &RestAPI{API: all[at]}, nil
}

// isAPIID reports whether a text looks like the id of an API: ten of a-z and
// 0-9. A name may look so, too; it is then found in the list.
func isAPIID(s string) bool {
	return len(s) == 10 && strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) < 0
}

// pictureStages reads stages, live configuration and deployed snapshots.
func (r *reader) pictureStages(ctx context.Context, p *Picture, want []string) error {
	a := p.API
	out, err := call(ctx, r, r.clients.RestAPIs.GetStages, &apigateway.GetStagesInput{RestApiId: a.API.Id})
	if err != nil {
		return fmt.Errorf("%s does not list the stages of API %s (apigateway:GET on them is needed): %w", r.place(), value(a.API.Id), plain(err))
	}
	a.Stages = out.Item
	read, err := p.choose(want)
	if err != nil {
		return err
	}
	var beside sync.WaitGroup
	beside.Go(func() { r.liveConfiguration(ctx, a) })
	each(ctx, r, read, func(ctx context.Context, s *rest.Stage) {
		r.deployed(ctx, a, s)
		if c := s.CanarySettings; c != nil && value(c.DeploymentId) != "" {
			r.deployment(ctx, a, *c.DeploymentId) // exports show no canary
		}
	})
	beside.Wait()
	return nil
}

// choose puts the stages in order and leaves of those that are not wanted their
// names. It returns the others.
func (p *Picture) choose(want []string) (read []*rest.Stage, err error) {
	a := p.API
	slices.SortFunc(a.Stages, func(x, y rest.Stage) int { return strings.Compare(value(x.StageName), value(y.StageName)) })
	for i := range a.Stages {
		p.Stages = append(p.Stages, value(a.Stages[i].StageName))
	}
	for _, name := range want {
		if !slices.Contains(p.Stages, name) {
			return nil, &Unknown{What: "stage", Name: name, Where: "API " + value(a.API.Name) + " (" + value(a.API.Id) + ")", There: p.Stages}
		}
	}
	for i := range a.Stages {
		if s := &a.Stages[i]; len(want) == 0 || slices.Contains(want, value(s.StageName)) {
			read = append(read, s)
			p.Read = append(p.Read, value(s.StageName))
		} else {
			a.byNameOnly(s)
		}
	}
	return read, nil
}

// notRead is the deployment of stages that are there by name only.
const notRead = "-"

// byNameOnly leaves of a stage its name: it runs no methods.
func (a *RestAPI) byNameOnly(s *rest.Stage) {
	name, id := s.StageName, notRead
	*s = rest.Stage{StageName: name, DeploymentId: &id}
	if a.Deployments == nil {
		a.Deployments = map[string]rest.Deployment{}
	}
	a.Deployments[notRead] = rest.Deployment{ApiSummary: map[string]map[string]rest.MethodSnapshot{}}
}

func (r *reader) liveConfiguration(ctx context.Context, a *RestAPI) {
	a.Unread = map[string]string{}
	for _, part := range []struct {
		name, operation string
		read            func(context.Context, *RestAPI) error
	}{{"resources", "GetResources", r.resources}, {"authorizers", "GetAuthorizers", r.authorizers}} {
		if err := part.read(ctx, a); err != nil {
			a.Unread[part.name] = r.unread(part.name+" of API "+value(a.API.Id), part.operation, err)
		}
	}
	if len(a.Unread) == 0 {
		a.Unread = nil
	}
}
