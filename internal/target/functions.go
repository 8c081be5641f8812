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

// newestVersions is how many of the newest published versions are asked for
// their policies, beside those that are called and those behind aliases: a
// grant that hangs on an older version than that is told as no grant at all.
const newestVersions = 3

// functions reads the functions of the region and, of those that matter, every
// policy: a call for the list's pages and a handful for each function.
func (r *reader) functions(ctx context.Context) error {
	if r.options.Wanted != nil {
		r.wanted = r.options.Wanted(r.dump)
	}
	client := r.clients.Functions(r.clients.Region)
	err := pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, client.ListFunctions, &lambda.ListFunctionsInput{Marker: marker})
		if err != nil {
			return nil, err
		}
		for i := range out.Functions {
			out.Functions[i].Environment = nil // secrets
			r.dump.Functions = append(r.dump.Functions, &Function{Configuration: out.Functions[i]})
		}
		return out.NextMarker, nil
	})
	if err != nil {
		r.unread("the list of functions", "ListFunctions", err)
		r.dump.Partial = true
	}
	r.addForeign(err != nil)
	all := r.dump.Functions
	if !r.options.AllFunctions && len(all) > fewFunctions {
		all = slices.DeleteFunc(slices.Clone(all), func(f *Function) bool {
			_, called := r.wanted.Functions[value(f.Configuration.FunctionArn)]
			if !called {
				r.dump.Partial = true
				f.Unread = map[string]string{"*": "no API calls it, so its policies were not read"}
			}
			return !called
		})
	}
	each(ctx, r, all, r.function)
	return nil
}

// addForeign adds the called functions that the list cannot hold: those of
// other accounts and regions, or all of them where the list was refused.
func (r *reader) addForeign(unlisted bool) {
	known := map[string]bool{}
	for _, f := range r.dump.Functions {
		known[value(f.Configuration.FunctionArn)] = true
	}
	for _, arn := range slices.Sorted(maps.Keys(r.wanted.Functions)) {
		parts := strings.SplitN(arn, ":", 7)
		if known[arn] || len(parts) < 7 || parts[3] == "" || parts[4] == "" {
			continue
		}
		foreign := parts[3] != r.dump.Region || parts[4] != r.dump.Account
		if foreign || unlisted {
			r.dump.Functions = append(r.dump.Functions, &Function{
				Configuration: types.FunctionConfiguration{FunctionArn: aws.String(arn), FunctionName: aws.String(parts[6])},
				Foreign:       true,
			})
		}
	}
}

func (r *reader) function(ctx context.Context, f *Function) {
	arn := value(f.Configuration.FunctionArn)
	client, name := r.clients.Functions(r.clients.Region), f.Configuration.FunctionName
	called := r.wanted.Functions[arn]
	if f.Foreign {
		client, name = r.clients.Functions(strings.SplitN(arn, ":", 5)[3]), f.Configuration.FunctionArn
		for _, q := range slices.Compact(slices.Sorted(slices.Values(called))) {
			r.policy(ctx, client, f, name, q)
		}
		return
	}
	_ = r.aliases(ctx, client, f, name) // a function that went meanwhile has none
	r.versions(ctx, client, f, name)
	r.urls(ctx, client, f, name)
	for _, q := range f.qualifiers(called) {
		r.policy(ctx, client, f, name, q)
	}
}

// qualifiers lists whose policies are worth a call.
func (f *Function) qualifiers(called []string) []string {
	ask := []string{""}
	for i := range f.Aliases {
		ask = append(ask, value(f.Aliases[i].Name), value(f.Aliases[i].FunctionVersion))
	}
	ask = append(ask, f.Versions[max(0, len(f.Versions)-newestVersions):]...)
	for _, q := range called {
		if f.Has(q) {
			ask = append(ask, q)
		}
	}
	ask = slices.DeleteFunc(ask, func(q string) bool { return q == "$LATEST" })
	return slices.Compact(slices.Sorted(slices.Values(ask)))
}

// Has reports whether the function has the alias or version.
func (f *Function) Has(qualifier string) bool {
	return qualifier == "" || qualifier == "$LATEST" || slices.Contains(f.Versions, qualifier) ||
		slices.ContainsFunc(f.Aliases, func(a types.AliasConfiguration) bool { return value(a.Name) == qualifier })
}

func (f *Function) miss(what, why string) {
	if f.Unread == nil {
		f.Unread = map[string]string{}
	}
	f.Unread[what] = why
}

// aliases reads a function's aliases. Its error says that there is no such
// function; any other is noted as unread.
func (r *reader) aliases(ctx context.Context, client Functions, f *Function, name *string) error {
	err := pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, client.ListAliases, &lambda.ListAliasesInput{FunctionName: name, Marker: marker})
		if err != nil {
			return nil, err
		}
		f.Aliases = append(f.Aliases, out.Aliases...)
		return out.NextMarker, nil
	})
	if err != nil && !missing(err) {
		f.miss("aliases", r.unread("aliases of function "+value(name), "ListAliases", err))
		return nil
	}
	return err
}

func (r *reader) versions(ctx context.Context, client Functions, f *Function, name *string) {
	err := pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, client.ListVersionsByFunction, &lambda.ListVersionsByFunctionInput{FunctionName: name, Marker: marker})
		if err != nil {
			return nil, err
		}
		for i := range out.Versions {
			if v := value(out.Versions[i].Version); v != "$LATEST" {
				f.Versions = append(f.Versions, v)
			}
		}
		return out.NextMarker, nil
	})
	if err != nil && !missing(err) {
		f.miss("versions", r.unread("versions of function "+value(name), "ListVersionsByFunction", err))
	}
}

func (r *reader) urls(ctx context.Context, client Functions, f *Function, name *string) {
	err := pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, client.ListFunctionUrlConfigs, &lambda.ListFunctionUrlConfigsInput{FunctionName: name, Marker: marker})
		if err != nil {
			return nil, err
		}
		f.URLs = append(f.URLs, out.FunctionUrlConfigs...)
		return out.NextMarker, nil
	})
	if err != nil && !missing(err) {
		r.unread("URLs of function "+value(name), "ListFunctionUrlConfigs", err)
	}
}

// policy reads the policy of one qualifier. Without one, GetPolicy answers 404
// "The resource you requested does not exist." (AWS recording test_lambda_api).
func (r *reader) policy(ctx context.Context, client Functions, f *Function, name *string, qualifier string) {
	in := &lambda.GetPolicyInput{FunctionName: name}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	out, err := call(ctx, r, client.GetPolicy, in)
	switch {
	case err == nil:
		if f.Policies == nil {
			f.Policies = map[string]Policy{}
		}
		f.Policies[qualifier] = Policy{Policy: value(out.Policy), RevisionID: value(out.RevisionId)}
	case !missing(err):
		what := "policy of " + value(f.Configuration.FunctionArn)
		if qualifier != "" {
			what += ":" + qualifier
		}
		f.miss(qualifier, r.unread(what, "GetPolicy", err))
	}
}
