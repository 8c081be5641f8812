package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func functionRoutes() []route {
	return []route{
		{path: "functions", get: functionsPage, nav: "Functions", icon: "function"},
		{path: "functions/{name}", get: functionPage},
		{path: "functions/{name}/publish", post: publishVersion},
		{path: "functions/{name}/alias", post: setAlias},
		{path: "functions/{name}/grant/remove", post: removeGrant},
		{path: "functions/{name}/invoke", post: invokeFunction, maxBody: maxInvokeForm},
		{path: "functions/{name}/code", raw: downloadCode},
	}
}

// functionView is one function, seen under one qualifier.
type functionView struct {
	Name, ARN   string
	Qualifier   string // whose policy and configuration are shown; "" is the function itself
	Choices     []qualifierChoice
	Config      *types.FunctionConfiguration
	Description string
	Modified    string
	Reserved    *int32 // concurrency
	Tags        []nameValue

	Environment []nameValue
	Reveal      bool   // show the values
	RevealURL   string // the address that shows or hides them

	Aliases  []aliasView
	Versions []versionView

	Grants      []grantLine
	Revision    string // of the policy
	PolicyError string // why the policy is not shown

	Package *packageView

	Test   *testView
	Group  string // of its log
	Live   string // address of the stream of its log
	Lines  []logLine
	LogURL string
}

type nameValue struct{ Name, Value string }

// qualifierChoice is a link to the same page for another qualifier.
type qualifierChoice struct {
	Label, URL string
	Current    bool
}

// aliasView is an alias and where its calls go.
type aliasView struct {
	Name, Description, Revision string
	Targets                     []aliasTarget
	URL                         string
}

// aliasTarget is a version and the share of the calls that it gets.
type aliasTarget struct {
	Version string
	Percent string // "90"
	Share   int    // of 100, rounded
}

// Version is the alias's own version, Extra the other one, "" where there is
// none.
func (a *aliasView) Version() string { return a.Targets[0].Version }

// Extra is the version that gets a share beside the alias's own.
func (a *aliasView) Extra() aliasTarget {
	if len(a.Targets) > 1 {
		return a.Targets[1]
	}
	return aliasTarget{}
}

// versionView is a published version, or $LATEST.
type versionView struct {
	Version, Description, Hash, Runtime, URL string
	Modified                                 string
	Aliases                                  []string // that lead to it
	Latest                                   bool
	Same                                     bool // the same code as $LATEST
}

func functionPage(v *visit) (*page, error) {
	view, err := v.functionView(v.r.PathValue("name"), v.value("qualifier"))
	if err != nil {
		return nil, err
	}
	return view.page(), nil
}

func (f *functionView) page() *page {
	p := &page{Title: f.Name, Section: "functions", Template: "function", Body: f, Crumbs: []crumb{{"Functions", functionsURL()}}}
	if f.Qualifier != "" {
		p.Crumbs = append(p.Crumbs, crumb{f.Name, functionURL(f.Name)})
		p.Title = f.Qualifier
	}
	return p
}

func functionsURL() string { return Prefix + "functions" }

func qualifiedURL(name, qualifier string) string {
	if qualifier == "" {
		return functionURL(name)
	}
	return functionURL(name) + "?" + query("qualifier", qualifier)
}

// functionView asks for everything that the page shows.
func (v *visit) functionView(name, qualifier string) (*functionView, error) {
	client := v.functions("")
	in := &lambda.GetFunctionInput{FunctionName: &name}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	out, err := client.GetFunction(v.ctx(), in)
	if err != nil {
		return nil, err
	}
	f := &functionView{
		Name: aws.ToString(out.Configuration.FunctionName), ARN: aws.ToString(out.Configuration.FunctionArn), Qualifier: qualifier,
		Config: out.Configuration, Description: aws.ToString(out.Configuration.Description), Reveal: v.value("reveal") != "",
		Modified: lambdaTime(out.Configuration.LastModified),
	}
	if out.Concurrency != nil {
		f.Reserved = out.Concurrency.ReservedConcurrentExecutions
	}
	f.Tags = sortedPairs(out.Tags)
	f.environment(v)
	if err := f.versions(v, client); err != nil {
		return nil, err
	}
	if err := f.policy(v.ctx(), v, client); err != nil {
		return nil, err
	}
	f.Package = v.newPackage(f, out.Code)
	f.Group = functionGroup(f.Name)
	if logging := out.Configuration.LoggingConfig; logging != nil && aws.ToString(logging.LogGroup) != "" {
		f.Group = *logging.LogGroup
	}
	f.LogURL = logGroupURL(f.Group)
	f.Live = tailURL(f.Group, "", v.now())
	f.Test = newTest(v)
	return f, nil
}

func (f *functionView) environment(v *visit) {
	if env := f.Config.Environment; env != nil {
		f.Environment = sortedPairs(env.Variables)
	}
	f.RevealURL = qualifiedURL(f.Name, f.Qualifier)
	if !f.Reveal {
		f.RevealURL = functionURL(f.Name) + "?" + query("qualifier", f.Qualifier, "reveal", "1")
		for i := range f.Environment {
			f.Environment[i].Value = "" // never sent unless asked for
		}
	}
	f.RevealURL += "#environment"
}

// Summary is the function in one line.
func (f *functionView) Summary() string {
	c := f.Config
	limits := plural(int(aws.ToInt32(c.Timeout)), "second") + " at most"
	return joinNonEmpty(" · ", f.Description, string(c.Runtime), strconv.Itoa(int(aws.ToInt32(c.MemorySize)))+" MB", limits)
}

func sortedPairs(m map[string]string) []nameValue {
	pairs := make([]nameValue, 0, len(m))
	for name, value := range m {
		pairs = append(pairs, nameValue{name, value})
	}
	slices.SortFunc(pairs, func(a, b nameValue) int { return strings.Compare(a.Name, b.Name) })
	return pairs
}

// versionsShown bounds the list of versions; the newest are shown.
const versionsShown = 50

func (f *functionView) versions(v *visit, client *lambda.Client) error {
	aliases, err := v.aliases(client, f.Name)
	if err != nil {
		return err
	}
	leading := map[string][]string{}
	for i := range aliases {
		a := newAliasView(f.Name, &aliases[i])
		for _, t := range a.Targets {
			leading[t.Version] = append(leading[t.Version], a.Name)
		}
		f.Aliases = append(f.Aliases, a)
	}
	var all []types.FunctionConfiguration
	for pages := lambda.NewListVersionsByFunctionPaginator(client, &lambda.ListVersionsByFunctionInput{FunctionName: &f.Name}); pages.HasMorePages(); {
		page, err := pages.NextPage(v.ctx())
		if err != nil {
			return err
		}
		all = append(all, page.Versions...)
	}
	slices.SortFunc(all, func(a, b types.FunctionConfiguration) int {
		return cmp.Compare(versionNumber(b.Version), versionNumber(a.Version)) // $LATEST, then the newest
	})
	latest := ""
	for i := range all[:min(len(all), versionsShown)] {
		c := &all[i]
		version := versionView{
			Version: aws.ToString(c.Version), Description: aws.ToString(c.Description), Hash: aws.ToString(c.CodeSha256), Runtime: string(c.Runtime),
			Modified: lambdaTime(c.LastModified), Aliases: leading[aws.ToString(c.Version)], URL: qualifiedURL(f.Name, aws.ToString(c.Version)),
		}
		if version.Version == "$LATEST" {
			version.Latest, version.URL, latest = true, functionURL(f.Name), version.Hash
		}
		version.Same = !version.Latest && version.Hash == latest
		f.Versions = append(f.Versions, version)
	}
	f.choices()
	return nil
}

// choices are the qualifiers that have a policy of their own.
func (f *functionView) choices() {
	f.Choices = append(f.Choices, qualifierChoice{"Function", functionURL(f.Name), f.Qualifier == ""})
	for i := range f.Aliases {
		f.Choices = append(f.Choices, qualifierChoice{f.Aliases[i].Name, f.Aliases[i].URL, f.Qualifier == f.Aliases[i].Name})
	}
	if f.Qualifier != "" && !slices.ContainsFunc(f.Choices, func(c qualifierChoice) bool { return c.Current }) {
		f.Choices = append(f.Choices, qualifierChoice{"Version " + f.Qualifier, qualifiedURL(f.Name, f.Qualifier), true})
	}
}

// versionNumber orders versions; $LATEST is greater than every number.
func versionNumber(version *string) int {
	n, err := strconv.Atoi(aws.ToString(version))
	if err != nil {
		return int(^uint(0) >> 1)
	}
	return n
}

func (v *visit) aliases(client *lambda.Client, name string) ([]types.AliasConfiguration, error) {
	var all []types.AliasConfiguration
	for pages := lambda.NewListAliasesPaginator(client, &lambda.ListAliasesInput{FunctionName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(v.ctx())
		if err != nil {
			return nil, err
		}
		all = append(all, page.Aliases...)
	}
	return all, nil
}

func newAliasView(function string, a *types.AliasConfiguration) aliasView {
	view := aliasView{
		Name: aws.ToString(a.Name), Description: aws.ToString(a.Description), Revision: aws.ToString(a.RevisionId),
		URL: qualifiedURL(function, aws.ToString(a.Name)),
	}
	rest := 1.0
	var extra []aliasTarget
	if a.RoutingConfig != nil {
		for version, weight := range a.RoutingConfig.AdditionalVersionWeights {
			rest -= weight
			extra = append(extra, newAliasTarget(version, weight))
		}
	}
	slices.SortFunc(extra, func(a, b aliasTarget) int { return strings.Compare(a.Version, b.Version) })
	view.Targets = append([]aliasTarget{newAliasTarget(aws.ToString(a.FunctionVersion), rest)}, extra...)
	return view
}

func newAliasTarget(version string, weight float64) aliasTarget {
	percent := strconv.FormatFloat(weight*100, 'f', 1, 64)
	return aliasTarget{Version: version, Percent: strings.TrimSuffix(percent, ".0"), Share: int(weight*100 + 0.5)}
}

// policy reads the policy of the qualifier, as sentences.
func (f *functionView) policy(ctx context.Context, v *visit, client *lambda.Client) error {
	in := &lambda.GetPolicyInput{FunctionName: &f.Name}
	if f.Qualifier != "" && f.Qualifier != "$LATEST" {
		in.Qualifier = &f.Qualifier
	}
	out, err := client.GetPolicy(ctx, in)
	var none *types.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return nil // "The resource you requested does not exist.": no policy
	case err != nil:
		f.PolicyError = describe(err, v).Sentence
		return nil
	}
	names, err := v.apiNames(ctx)
	if err != nil {
		names = nil // their ids do as well
	}
	f.Revision = aws.ToString(out.RevisionId)
	if f.Grants, err = grantLines(aws.ToString(out.Policy), names); err != nil {
		f.PolicyError = err.Error()
	}
	return nil
}

// lambdaTime is one of Lambda's times for people.
func lambdaTime(text *string) string {
	t, err := time.Parse("2006-01-02T15:04:05.000-0700", aws.ToString(text))
	if err != nil {
		return aws.ToString(text)
	}
	return stamp(t)
}

// functionsPerPage is how many functions Lambda lists at once (LAMBDA-API
// ListFunctions), searchPages how many such lists a search looks through.
const (
	functionsPerPage = 50
	searchPages      = 60
)

// functionList is a page of the functions of the region, or those whose names
// match.
type functionList struct {
	Find  string
	Rows  []functionItem
	First bool
	Next  string // address of the next page, "" on the last
	More  bool   // a search ended before the last function
	Empty *emptyState
}

type functionItem struct {
	Name, URL, Runtime, Hash, Description, Modified string
	Size                                            int64
}

func functionsPage(v *visit) (*page, error) {
	list := &functionList{Find: v.value("q"), First: v.value("marker") == ""}
	in := &lambda.ListFunctionsInput{MaxItems: aws.Int32(functionsPerPage)}
	if marker := v.value("marker"); marker != "" && list.Find == "" {
		in.Marker = &marker
	}
	find := strings.ToLower(list.Find)
	client := v.functions("")
	for pages := 1; ; pages++ {
		out, err := client.ListFunctions(v.ctx(), in)
		if err != nil {
			return nil, err
		}
		for i := range out.Functions {
			if find == "" || strings.Contains(strings.ToLower(aws.ToString(out.Functions[i].FunctionName)), find) {
				list.Rows = append(list.Rows, newFunctionItem(&out.Functions[i]))
			}
		}
		in.Marker = out.NextMarker
		if find == "" && in.Marker != nil {
			list.Next = functionsURL() + "?" + query("marker", *in.Marker)
		}
		if list.More = find != "" && in.Marker != nil; !list.More || pages == searchPages || len(list.Rows) >= functionsPerPage {
			break
		}
	}
	if len(list.Rows) == 0 && list.Find == "" {
		list.Empty = &emptyState{
			Icon: "function", Title: "No function yet in " + v.region,
			Sentence: "Write a small one here, or make one with the aws CLI, or with whatever you deploy with:",
			Commands: []string{command("lambda", "create-function", "--function-name", "my-function-dev", "--runtime", "python3.13", "--handler", "index.handler",
				"--role", "arn:aws:iam::"+v.s.Account+":role/lambda", "--zip-file", "fileb://code.zip")},
		}
	}
	return &page{Title: "Functions", Section: "functions", Template: "functions", Body: list}, nil
}

func newFunctionItem(c *types.FunctionConfiguration) functionItem {
	return functionItem{
		Name: aws.ToString(c.FunctionName), URL: functionURL(aws.ToString(c.FunctionName)), Runtime: string(c.Runtime), Hash: aws.ToString(c.CodeSha256),
		Description: aws.ToString(c.Description), Modified: lambdaTime(c.LastModified), Size: c.CodeSize,
	}
}
