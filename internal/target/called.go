package target

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// called reads the functions that the stages lead to: of each its aliases, and
// of each qualifier that is called its configuration and its policy.
func (r *reader) called(ctx context.Context, p *Picture, versions bool) {
	var functions []*Function
	for _, arn := range slices.Sorted(maps.Keys(r.wanted.Functions)) {
		parts := strings.SplitN(arn, ":", 7)
		if len(parts) < 7 {
			continue
		}
		functions = append(functions, &Function{
			Configuration: types.FunctionConfiguration{FunctionArn: aws.String(arn), FunctionName: aws.String(parts[6])},
			Foreign:       parts[3] != r.dump.Region || parts[4] != r.dump.Account,
		})
	}
	each(ctx, r, functions, func(ctx context.Context, f *Function) {
		one := &calledFunction{reader: r, picture: p, f: f, name: f.Configuration.FunctionName, client: r.clients.Functions(r.clients.Region)}
		if arn := value(f.Configuration.FunctionArn); f.Foreign {
			one.name, one.client = f.Configuration.FunctionArn, r.clients.Functions(strings.SplitN(arn, ":", 5)[3])
		}
		one.read(ctx, versions)
	})
	slices.SortFunc(r.dump.Functions, func(a, b *Function) int {
		return strings.Compare(value(a.Configuration.FunctionArn), value(b.Configuration.FunctionArn))
	})
}

// calledFunction is one function while it is read.
type calledFunction struct {
	*reader
	picture *Picture
	f       *Function
	client  Functions
	name    *string // as the calls name it: of a foreign function the ARN
}

func (c *calledFunction) read(ctx context.Context, versions bool) {
	arn := value(c.f.Configuration.FunctionArn)
	qualifiers := slices.Compact(slices.Sorted(slices.Values(c.wanted.Functions[arn])))
	gone := false
	if !c.f.Foreign {
		gone = c.aliases(ctx, c.client, c.f, c.name) != nil
		if versions && !gone {
			c.versions(ctx, c.client, c.f, c.name)
		}
	}
	for _, q := range qualifiers {
		made := &Called{ARN: arn, Qualifier: q, Missing: gone}
		if !gone {
			c.configuration(ctx, made)
			gone = made.Missing && q == "" && !c.f.Foreign // where listing aliases is refused
		}
		c.mu.Lock()
		c.picture.Called[made.Qualified()] = made
		c.mu.Unlock()
	}
	if gone {
		return // what does not exist is in no list: doctor says so
	}
	ask := qualifiers
	if !c.f.Foreign && !slices.Contains(ask, "") {
		ask = append([]string{""}, ask...) // a grant there explains a refusal
	}
	for _, q := range ask {
		if q != "$LATEST" && (c.f.Foreign || c.f.Has(q)) {
			c.policy(ctx, c.client, c.f, c.name, q)
		}
	}
	c.mu.Lock()
	c.dump.Functions = append(c.dump.Functions, c.f)
	c.mu.Unlock()
}

// configuration reads what runs behind a qualifier, and behind each further
// version that an alias has a weight for.
func (c *calledFunction) configuration(ctx context.Context, made *Called) {
	made.Configuration, made.Missing, made.Unread = c.version(ctx, made.Qualifier)
	c.learn(made.Configuration, made.Qualifier)
	for i := range c.f.Aliases {
		if alias := &c.f.Aliases[i]; value(alias.Name) == made.Qualifier {
			made.Alias = alias
		}
	}
	if made.Alias == nil || made.Alias.RoutingConfig == nil {
		return
	}
	for _, v := range slices.Sorted(maps.Keys(made.Alias.RoutingConfig.AdditionalVersionWeights)) {
		configuration, _, why := c.version(ctx, v)
		if why != "" {
			made.Unread = why
		}
		if made.Weighted == nil {
			made.Weighted = map[string]*lambda.GetFunctionConfigurationOutput{}
		}
		made.Weighted[v] = configuration
		c.learn(configuration, v)
	}
}

func (c *calledFunction) version(ctx context.Context, qualifier string) (out *lambda.GetFunctionConfigurationOutput, gone bool, why string) {
	in := &lambda.GetFunctionConfigurationInput{FunctionName: c.name}
	what := "configuration of " + value(c.f.Configuration.FunctionArn)
	if qualifier != "" {
		in.Qualifier = &qualifier
		what += ":" + qualifier
	}
	out, err := call(ctx, c.reader, c.client.GetFunctionConfiguration, in)
	switch {
	case err == nil:
		return out, false, ""
	case missing(err):
		return nil, true, ""
	default:
		return nil, false, c.unread(what, "GetFunctionConfiguration", err)
	}
}

// learn takes from a configuration what the dump's function lacks: which
// versions there are, and when the function last changed.
func (c *calledFunction) learn(configuration *lambda.GetFunctionConfigurationOutput, qualifier string) {
	if configuration == nil {
		return
	}
	switch v := value(configuration.Version); {
	case v != "$LATEST" && !slices.Contains(c.f.Versions, v):
		c.f.Versions = append(c.f.Versions, v)
	case v == "$LATEST" && (qualifier == "" || c.f.Configuration.LastModified == nil):
		c.f.Configuration.LastModified = configuration.LastModified
	}
}
