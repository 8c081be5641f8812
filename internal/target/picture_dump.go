package target

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// PictureOf makes the picture of one API from a dump of its account, as far as
// that goes: dumps have no environments, and of a function the configuration of
// $LATEST alone. What they lack is told as unread. The dump is not changed.
func PictureOf(d *Dump, api string, o APIOptions) (*Picture, error) {
	one := *d
	one.Calls, one.Requests, one.HTTPAPIs, one.Partial = 0, 0, nil, true // nobody is asked now
	found, err := findIn(d, api)
	if err != nil {
		return nil, err
	}
	a := *found
	a.Stages, a.Deployments = slices.Clone(found.Stages), maps.Clone(found.Deployments)
	one.RestAPIs = []*RestAPI{&a}
	p := &Picture{Dump: &one, API: &a, Called: map[string]*Called{}}
	if _, err := p.choose(o.Stages); err != nil {
		return nil, err
	}
	if o.Wanted != nil {
		for arn, qualifiers := range o.Wanted(&one).Functions {
			p.calledIn(d, arn, qualifiers)
		}
	}
	one.Unread = p.concerned(d.Unread)
	return p, nil
}

// concerned are those unread things that the API hangs on.
func (p *Picture) concerned(all []Unread) (out []Unread) {
	for _, u := range all {
		mine := u.Operation == "ListFunctions" || strings.Contains(u.What, " of API "+value(p.API.API.Id)) || strings.HasPrefix(u.What, "the deployed configuration of the stages") || strings.Contains(u.What, "role ")
		for _, c := range p.Called {
			mine = mine || strings.Contains(u.What, " of "+c.ARN) || strings.HasSuffix(u.What, " of function "+c.ARN[strings.LastIndexByte(c.ARN, ':')+1:])
		}
		if mine && u.Operation != "ListFunctionUrlConfigs" {
			out = append(out, u)
		}
	}
	return out
}

func findIn(d *Dump, name string) (*RestAPI, error) {
	all := make([]rest.RestApi, len(d.RestAPIs))
	for i, a := range d.RestAPIs {
		all[i] = a.API
	}
	at, err := choose(all, name, "account "+d.Account+" in "+d.Region)
	if err != nil {
		return nil, err
	}
	return d.RestAPIs[at], nil
}

// choose finds an API by its id, and otherwise by its name.
func choose(all []rest.RestApi, name, where string) (int, error) {
	var there, named []string
	found := -1
	for i := range all {
		id := value(all[i].Id)
		there = append(there, value(all[i].Name)+" ("+id+")")
		switch name {
		case id:
			return i, nil
		case value(all[i].Name):
			named, found = append(named, id), i
		}
	}
	switch len(named) {
	case 0:
		return -1, &Unknown{What: "API", Name: name, Where: where, There: there}
	case 1:
		return found, nil
	default:
		return -1, &Unknown{What: "API", Name: name, Where: where, There: named, Ambiguous: true}
	}
}

// calledIn finds in a dump what is known of a called function.
func (p *Picture) calledIn(d *Dump, arn string, qualifiers []string) {
	at := slices.IndexFunc(d.Functions, func(f *Function) bool { return value(f.Configuration.FunctionArn) == arn })
	for _, q := range qualifiers {
		c := &Called{ARN: arn, Qualifier: q}
		p.Called[c.Qualified()] = c
		if at < 0 {
			c.Missing = !slices.ContainsFunc(d.Unread, func(u Unread) bool { return u.Operation == "ListFunctions" })
			if !c.Missing {
				c.Unread = "the dump has no list of functions"
			}
			continue
		}
		c.fromDump(d.Functions[at])
	}
}

func (c *Called) fromDump(f *Function) {
	version := c.Qualifier
	for i := range f.Aliases {
		if value(f.Aliases[i].Name) == c.Qualifier {
			c.Alias, version = &f.Aliases[i], value(f.Aliases[i].FunctionVersion)
		}
	}
	switch {
	case f.Foreign:
		c.Unread = "the dump knows nothing of a function in another account or region"
	case !f.Has(c.Qualifier):
		c.Missing = true
	case version != "" && version != "$LATEST":
		c.Unread = "a dump does not hold the configuration of version " + version
	default:
		raw, err := json.Marshal(f.Configuration)
		c.Configuration = &lambda.GetFunctionConfigurationOutput{}
		if err == nil {
			err = json.Unmarshal(raw, c.Configuration)
		}
		if err != nil {
			c.Configuration, c.Unread = nil, strings.TrimSpace("the dump's configuration cannot be read: "+err.Error())
			return
		}
		c.NoEnvironment = true
	}
}
