package diff

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// pair is a function on the left and the one that takes its place on the right.
type pair struct {
	left, right string // ARNs with qualifiers
	methods     []string
}

// row names a cell of doctor's matrix: the method or authorizer, and the canary,
// whose percentage does not matter.
func rowOf(cell *doctor.Cell) string {
	if cell.Share != "" {
		return cell.Method + " (canary)"
	}
	return cell.Method
}

// functionPairs finds out which function stands for which: those that the same
// method calls.
func (c *comparing) functionPairs() []*pair {
	right := map[string]string{}
	for _, cell := range c.right.cells {
		right[rowOf(cell)] = cell.Function
	}
	index := map[[2]string]*pair{}
	var all []*pair
	for _, cell := range c.left.cells {
		row := rowOf(cell)
		other := right[row]
		if cell.Function == "" || other == "" {
			continue // the methods' section tells
		}
		key := [2]string{cell.Function, other}
		p := index[key]
		if p == nil {
			p = &pair{left: cell.Function, right: other}
			index[key] = p
			all = append(all, p)
		}
		p.methods = append(p.methods, row)
	}
	slices.SortFunc(all, func(a, b *pair) int {
		return cmp.Or(strings.Compare(a.left, b.left), strings.Compare(a.right, b.right))
	})
	return all
}

// identical reports whether both sides call one and the same function, read at
// one time.
func (c *comparing) identical(p *pair) bool {
	return c.left.Picture == c.right.Picture && p.left == p.right
}

// name is what a pair is called.
func (c *comparing) name(p *pair) string {
	left, right := functionName(p.left), functionName(p.right)
	if left == right {
		return left
	}
	return left + " ↔ " + right
}

// functionName is an ARN without what all of them begin with.
func functionName(arn string) string {
	if _, name, found := strings.Cut(arn, ":function:"); found {
		return name
	}
	return arn
}

// functions compares code and configuration. That the two have different names
// is no difference by itself: either the method's integration differs, or a
// stage variable does, and both are told.
func (c *comparing) functions() Section {
	s := Section{Name: SectionFunctions, Title: "functions"}
	for _, p := range c.pairs {
		if c.identical(p) {
			s.Same++
			continue
		}
		left, right := c.left.called(p.left), c.right.called(p.right)
		if why := c.unknown(left, right); why != "" {
			s.Unknown = append(s.Unknown, c.name(p)+": "+why)
			continue
		}
		row := Row{Item: c.name(p), Kind: Changed, Methods: p.methods, Fields: c.functionFields(left, right)}
		different := slices.ContainsFunc(row.Fields, func(f Field) bool { return !f.Same })
		switch {
		case !different && functionName(p.left) == functionName(p.right):
			s.Same++
			continue
		case !different:
			s.Same++
			row.Kind = Paired
		}
		s.Rows = append(s.Rows, row)
	}
	slices.SortStableFunc(s.Rows, func(x, y Row) int { return rank(x.Kind) - rank(y.Kind) })
	return s
}

// rank puts rows that are no difference last.
func rank(k Kind) int {
	if k == Paired {
		return 1
	}
	return 0
}

// unknown says why a pair cannot be compared; "" when it can.
func (c *comparing) unknown(left, right *target.Called) string {
	for _, side := range []struct {
		h      *half
		called *target.Called
	}{{c.left, left}, {c.right, right}} {
		end := side.h.end()
		if side.called.Unread != "" {
			return side.called.Unread + " on " + end.Name()
		}
	}
	return ""
}

// called is what is known of a function. What was not even asked for is the
// target of an integration that names no function, as without its variable.
func (h *half) called(arn string) *target.Called {
	if f := h.Picture.Called[arn]; f != nil {
		return f
	}
	return &target.Called{ARN: arn, Missing: true}
}

const noFunction = "there is no such function"

// functionFields compares two functions: what runs, then how.
func (c *comparing) functionFields(left, right *target.Called) []Field {
	if left.Missing || right.Missing {
		f := c.fields(fields{"": presence(left)}, fields{"": presence(right)})
		for i := range f {
			f[i].Name = "exists"
		}
		return f
	}
	own := left.ARN == right.ARN && c.samePlace
	out := []Field{version(left, right, own)}
	l, r := codeOf(left), codeOf(right)
	if different := c.fields(l, r); len(different) > 0 {
		out = append(out, different...)
	} else {
		out = append(out, orientation(fieldCode, l[fieldCode], r[fieldCode]))
	}
	return append(out, c.fields(c.left.configuration(left), c.right.configuration(right))...)
}

func presence(f *target.Called) string {
	if f.Missing && f.Qualifier != "" {
		return "there is no such function, version or alias"
	}
	if f.Missing {
		return noFunction
	}
	return "yes"
}

func orientation(name, left, right string) Field {
	return Field{Name: name, Left: &left, Right: &right, Same: true}
}

// version tells which version runs. Of different functions the numbers count
// different things; that one is $LATEST and the other is published is a
// difference all the same.
func version(left, right *target.Called, own bool) Field {
	l, r := text(left.Configuration.Version), text(right.Configuration.Version)
	f := orientation("version", l, r)
	const latest = "$LATEST"
	f.Same = l == r || !own && (l == latest) == (r == latest)
	return f
}

const fieldCode = "code"

// codeOf is the code that runs: of an alias with weights that of each version
// with its share.
func codeOf(f *target.Called) fields {
	out := fields{fieldCode: code(f.Configuration)}
	if f.Alias == nil || f.Alias.RoutingConfig == nil {
		return out
	}
	for v, weight := range f.Alias.RoutingConfig.AdditionalVersionWeights {
		if weight > 0 {
			out[fieldCode+" of "+percent(weight)] = code(f.Weighted[v])
		}
	}
	return out
}

func percent(weight float64) string {
	return strconv.FormatFloat(weight*100, 'f', -1, 64) + " %"
}

// code is the hash of a function's code: of an archive its SHA-256 in Base64, of
// an image that of the image.
func code(configuration *lambda.GetFunctionConfigurationOutput) string {
	if configuration == nil {
		return "there is no such version"
	}
	return text(configuration.CodeSha256)
}

// asideInConfigurations are members that are told elsewhere, or say nothing of
// how the function behaves: names, states, dates, counters and derived ids.
var asideInConfigurations = []string{
	"CodeSha256", "CodeSize", "ConfigSha256", "Description", "Environment", "FunctionArn", "FunctionName", "LastModified",
	"LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode", "MasterArn", "ResultMetadata", "RevisionId",
	"RuntimeVersionConfig", "SigningJobArn", "State", "StateReason", "StateReasonCode", "Version",
}

// configurationDefaults hold where an answer says nothing (Lambda API reference,
// CreateFunction).
var configurationDefaults = map[string]string{
	"PackageType": "Zip", "Architectures": "x86_64", "EphemeralStorage.Size": "512", "TracingConfig.Mode": "PassThrough",
	"SnapStart.ApplyOn": "None", "SnapStart.OptimizationStatus": "Off", "LoggingConfig.LogFormat": "Text",
	"VpcConfig.Ipv6AllowedForDualStack": "false",
}

// configuration are the settings of a function as AWS names them.
func (h *half) configuration(f *target.Called) fields {
	out := fields{}
	raw, err := json.Marshal(f.Configuration)
	var all map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return fields{"configuration": err.Error()} // no answer of AWS has such a value
	}
	for _, name := range asideInConfigurations {
		delete(all, name)
	}
	delete(all, "Layers")
	out.flatten("", all)
	out.drop(configurationDefaults)
	// The order of layers counts, and each function has its own log group.
	for i, layer := range f.Configuration.Layers {
		out["layer "+strconv.Itoa(i+1)] = text(layer.Arn)
	}
	if out["LoggingConfig.LogGroup"] == "/aws/lambda/"+text(f.Configuration.FunctionName) {
		delete(out, "LoggingConfig.LogGroup")
	}
	return out
}

// mask stands for a value that is not shown.
const mask = "••••"

// environment compares the environment variables of the functions.
func (c *comparing) environment() Section {
	s := Section{Name: SectionEnvironment, Title: "environment of functions"}
	for _, p := range c.pairs {
		left, right := c.left.called(p.left), c.right.called(p.right)
		if c.identical(p) || c.unknown(left, right) != "" || left.Missing || right.Missing {
			continue // the functions' section tells
		}
		l, whyLeft := variables(left)
		r, whyRight := variables(right)
		if why := cmp.Or(whyLeft, whyRight); why != "" {
			s.Unknown = append(s.Unknown, c.name(p)+": "+why)
			continue
		}
		row := Row{Item: c.name(p), Kind: Changed, Methods: p.methods, Fields: c.fields(l, r)}
		s.Same += len(l)
		for i := range row.Fields {
			if row.Fields[i].Left != nil {
				s.Same--
			}
			if !c.showValues {
				row.Fields[i].hide()
			}
		}
		if len(row.Fields) > 0 {
			s.Rows = append(s.Rows, row)
		}
	}
	return s
}

func variables(f *target.Called) (values fields, why string) {
	e := f.Configuration.Environment
	switch {
	case f.NoEnvironment:
		return nil, "a dump leaves environments out"
	case e == nil:
		return fields{}, ""
	case e.Error != nil: // the key of the environment is not accessible
		return nil, "the environment of " + functionName(f.Qualified()) + " cannot be decrypted: " + text(e.Error.Message)
	default:
		return maps.Clone(e.Variables), ""
	}
}

// hide masks the values of a field.
func (f *Field) hide() {
	hidden := mask
	f.Masked = true
	for _, value := range []**string{&f.Left, &f.Right} {
		if *value != nil {
			*value = &hidden
		}
	}
}

// aliases compares where the aliases that are called lead to.
func (c *comparing) aliases() Section {
	s := Section{Name: SectionAliases, Title: "aliases"}
	for _, p := range c.pairs {
		left, right := c.left.called(p.left), c.right.called(p.right)
		if c.identical(p) || left.Alias == nil && right.Alias == nil {
			continue
		}
		l, r := aliasFields(left.Alias), aliasFields(right.Alias)
		if left.ARN != right.ARN || !c.samePlace {
			// The numbers count other versions: the code behind them is compared.
			delete(l, "version")
			delete(r, "version")
		}
		if f := c.fields(l, r); len(f) > 0 {
			s.Rows = append(s.Rows, Row{Item: c.name(p), Kind: Changed, Fields: f, Methods: p.methods})
		} else {
			s.Same++
		}
	}
	return s
}

func aliasFields(a *types.AliasConfiguration) fields {
	if a == nil {
		return fields{"is": "no alias"}
	}
	out := fields{"is": "an alias", "version": text(a.FunctionVersion)}
	if a.RoutingConfig != nil {
		var shares []string
		for v, weight := range a.RoutingConfig.AdditionalVersionWeights {
			shares = append(shares, percent(weight)+" version "+v)
		}
		out.set("further versions", slices.Sorted(slices.Values(shares)))
	}
	return out
}
