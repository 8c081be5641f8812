package promote

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// maxPackage is the largest package that UpdateFunctionCode takes in a request:
// 50 MB zipped (Lambda developer guide, gettingstarted-limits), with room for
// the rest of the request.
const maxPackage = 50<<20 - 4096

// pair is a function that the source stage calls, and the one that the target
// stage will call in its place. ARNs with their qualifiers.
type pair struct {
	source, target string
	methods        []string
}

// pairs puts the calls of the two stages side by side, method by method: both
// have the same snapshot in d.
func pairs(d *target.Dump, from, to string) []pair {
	report := doctor.Examine(d, doctor.Options{})
	source := map[string]string{}
	for i := range report.Cells {
		if c := &report.Cells[i]; c.Stage == from && c.Share == "" {
			source[c.Method] = c.Function
		}
	}
	var all []pair
	index := map[[2]string]int{}
	for i := range report.Cells {
		c := &report.Cells[i]
		was := source[c.Method]
		if c.Stage != to || c.Share != "" || c.Function == "" || was == "" || part(c.Function, 6) == "" || part(was, 6) == "" {
			continue
		}
		key := [2]string{was, c.Function}
		at, known := index[key]
		if !known {
			at = len(all)
			index[key] = at
			all = append(all, pair{source: was, target: c.Function})
		}
		all[at].methods = append(all[at].methods, c.Method)
	}
	return all
}

// planFunctions says what happens to the functions.
func (b *builder) planFunctions(p *Plan, after *target.Dump) error {
	all := pairs(after, p.Request.From, p.Request.To)
	var ask []string
	for _, x := range all {
		if x.source != x.target {
			ask = append(ask, x.source, x.target)
			bare, _ := splitARN(x.target)
			ask = append(ask, bare)
			bare, _ = splitARN(x.source)
			ask = append(ask, bare)
		}
	}
	slices.Sort(ask)
	if err := b.scope.load(b.ctx, slices.Compact(ask)); err != nil {
		return err
	}
	p.work.functions = b.scope.functions
	moves := map[string]*FunctionMove{}
	for _, x := range all {
		if x.source == x.target {
			continue
		}
		if m := b.move(p, x); m != nil {
			join(p, moves, m)
		}
	}
	for _, m := range moves {
		p.Functions = append(p.Functions, *m)
	}
	sortMoves(p.Functions)
	b.alsoCalled(p)
	return nil
}

// join adds a move to that of the same function.
func join(p *Plan, moves map[string]*FunctionMove, m *FunctionMove) {
	had := moves[m.Function]
	if had == nil {
		moves[m.Function] = m
		return
	}
	had.Methods = append(had.Methods, m.Methods...)
	conflict := had.Code != nil && m.Code != nil && had.Code.New != m.Code.New || had.Source != m.Source && (had.Code != nil || m.Code != nil)
	for _, a := range m.Aliases {
		at := slices.IndexFunc(had.Aliases, func(x AliasMove) bool { return x.Name == a.Name })
		if at < 0 {
			had.Aliases = append(had.Aliases, a)
		} else if had.Aliases[at].New != a.New || had.Aliases[at].Code != a.Code {
			conflict = true
		}
	}
	if had.Code == nil {
		had.Code = m.Code
	}
	had.Publish = had.Publish || m.Publish
	if conflict {
		p.problem(Problem{
			Title: "two functions would become one", Function: m.Function,
			Sentence: fmt.Sprintf("Some methods call %s on %s and others %s, and on %s all of these would be %s.", short(had.Source), p.Request.From, short(m.Source), p.Stage.Name, short(m.Function)),
			Remedy:   "Give the stage variables values with which each method calls a function or alias of its own.",
		})
	}
}

// move says what has to happen so that the target of a pair runs what its
// source runs; nil when nothing has.
func (b *builder) move(p *Plan, x pair) *FunctionMove {
	source, dest := b.scope.functions[x.source], b.scope.functions[x.target]
	bare, qualifier := splitARN(x.target)
	sourceBare, sourceQualifier := splitARN(x.source)
	m := &FunctionMove{Function: bare, Source: x.source, Methods: x.methods}
	switch {
	case source == nil:
		p.problem(Problem{
			Title: "the source does not exist", Function: x.source, Method: x.methods[0],
			Sentence: fmt.Sprintf("On %s, %s calls %s, and there is no such function, version or alias.", p.Request.From, x.methods[0], short(x.source)),
			Remedy:   "Deploy it there first: what does not run cannot be promoted.",
		})
		return nil
	case dest == nil:
		return nil // doctor says what is missing
	case part(bare, 4) != p.Account || part(sourceBare, 4) != p.Account:
		p.warn("%s and %s do not both belong to account %s: nothing of them moves.", short(x.source), short(x.target), p.Account)
		return nil
	case isVersion(qualifier):
		return b.pinned(p, x, source, dest)
	case bare == sourceBare:
		return b.aliasMove(p, m, source, qualifier, sourceQualifier)
	}
	return b.codeMove(p, m, source, qualifier)
}

// pinned is a target that a stage variable ties to a version: nothing can move
// but the variable.
func (b *builder) pinned(p *Plan, x pair, source, dest *lambda.GetFunctionOutput) *FunctionMove {
	if sha(source) == sha(dest) {
		return nil
	}
	p.problem(Problem{
		Title: "a version cannot change", Function: x.target, Method: x.methods[0],
		Sentence: fmt.Sprintf("Stage %s calls %s: a version, which never changes, and it is not what %s runs.", p.Stage.Name, short(x.target), p.Request.From),
		Remedy:   "Give the stage variable another version (--set NAME=VERSION), or better an alias, which can move.",
	})
	return nil
}

// aliasMove: one function, an alias for each stage.
func (b *builder) aliasMove(p *Plan, m *FunctionMove, source *lambda.GetFunctionOutput, qualifier, sourceQualifier string) *FunctionMove {
	if isLatest(qualifier) {
		p.warn("Stage %s calls %s without an alias: it runs whatever was deployed last, and a promotion cannot change that.", p.Stage.Name, short(m.Function))
		return nil
	}
	alias := b.alias(m.Function, qualifier)
	if alias == nil {
		return nil
	}
	if from := b.alias(m.Function, sourceQualifier); from != nil && hasWeights(from) {
		p.warn("Alias %s of %s shares its calls among versions; %s, its main one, is promoted.", sourceQualifier, short(m.Function), aws.ToString(from.FunctionVersion))
	}
	a := AliasMove{Name: qualifier, Old: aws.ToString(alias.FunctionVersion), Weights: weightsOf(alias), Code: sha(source), New: aws.ToString(source.Configuration.Version)}
	if isLatest(a.New) {
		a.New, m.Publish = "", true
		now := b.scope.functions[m.Function+":"+qualifier]
		if now != nil && sha(now) == sha(source) && !hasWeights(alias) && !isLatest(a.Old) && len(differences(source.Configuration, now.Configuration)) == 0 {
			return nil // published and there already
		}
	} else if a.New == a.Old && !hasWeights(alias) {
		return nil
	}
	if now := b.scope.functions[m.Function+":"+qualifier]; now != nil {
		m.Changed = differences(source.Configuration, now.Configuration)
	}
	m.Aliases = []AliasMove{a}
	return m
}

// codeMove: a function for each stage. Its configuration stays; its code is
// replaced, and an alias, where one is called, moves on to it.
func (b *builder) codeMove(p *Plan, m *FunctionMove, source *lambda.GetFunctionOutput, qualifier string) *FunctionMove {
	dest := b.scope.functions[m.Function]
	if dest == nil {
		return nil
	}
	from, to := source.Configuration, dest.Configuration
	m.Kept = differences(from, to)
	if from.PackageType != to.PackageType {
		p.problem(Problem{
			Title: "another kind of package", Function: m.Function,
			Sentence: fmt.Sprintf("%s is a %s package and %s a %s: Lambda changes code only for its like.", short(m.Source), orZip(from.PackageType), short(m.Function), orZip(to.PackageType)),
			Remedy:   "Make the function anew with the other package type.",
		})
		return nil
	}
	if sha(source) != sha(dest) {
		m.Code = &CodeMove{Old: sha(dest), New: sha(source), Size: from.CodeSize}
		if from.PackageType == types.PackageTypeImage {
			m.Code.Image = image(source)
		} else if from.CodeSize > maxPackage {
			p.problem(tooLarge(p, m))
		}
	}
	foreign := m.Code != nil && family(from.Runtime) != family(to.Runtime)
	if foreign {
		p.problem(otherFamily(m, from, to))
	}
	for _, d := range m.Kept {
		switch {
		case !d.Risky || m.Code == nil || foreign && (d.Setting == "runtime" || d.Setting == "handler"):
		case d.Target == "":
			p.warn("%s has no %s, which %s has.", short(m.Function), strings.TrimSuffix(d.Setting, "s"), short(m.Source))
		default:
			p.warn("%s keeps its %s %s, while %s has %s.", short(m.Function), d.Setting, d.Target, short(m.Source), orNothing(d.Source))
		}
	}
	if !isLatest(qualifier) {
		if a := b.codeAlias(m, source, qualifier); a != nil {
			m.Aliases = []AliasMove{*a}
		}
	}
	if m.Code == nil && len(m.Aliases) == 0 {
		return nil
	}
	return m
}

// codeAlias is the alias of a function whose code is replaced.
func (b *builder) codeAlias(m *FunctionMove, source *lambda.GetFunctionOutput, qualifier string) *AliasMove {
	alias, now := b.alias(m.Function, qualifier), b.scope.functions[m.Function+":"+qualifier]
	if alias == nil || now == nil || sha(now) == sha(source) && !hasWeights(alias) && !isLatest(aws.ToString(alias.FunctionVersion)) {
		return nil
	}
	m.Publish = true
	return &AliasMove{Name: qualifier, Old: aws.ToString(alias.FunctionVersion), Weights: weightsOf(alias), Code: sha(source)}
}

func tooLarge(p *Plan, m *FunctionMove) Problem {
	return Problem{
		Title: "the package is too large", Function: m.Function,
		Sentence: fmt.Sprintf("The package of %s has %d bytes, and Lambda takes %d in a request: what is larger has to come from S3.", short(m.Source), m.Code.Size, maxPackage),
		Remedy:   "Put it into a bucket, update the function from there, and promote again (its code is then the same). Or use one function with an alias for each stage: then no code is copied at all.",
		Fix: []string{
			shell("aws", "lambda", "update-function-code", "--region", p.Region, "--function-name", short(m.Function), "--s3-bucket", "BUCKET", "--s3-key", "KEY"),
		},
	}
}

// alias finds an alias in the dump; nil when there is none.
func (b *builder) alias(function, name string) *types.AliasConfiguration {
	for _, f := range b.dump.Functions {
		if aws.ToString(f.Configuration.FunctionArn) != function {
			continue
		}
		for i := range f.Aliases {
			if aws.ToString(f.Aliases[i].Name) == name {
				return &f.Aliases[i]
			}
		}
	}
	return nil
}

// alsoCalled warns of other stages that call a function whose code changes.
func (b *builder) alsoCalled(p *Plan) {
	report := doctor.Examine(b.dump, doctor.Options{})
	for _, m := range p.Functions {
		if m.Code == nil {
			continue
		}
		var stages []string
		for i := range report.Cells {
			c := &report.Cells[i]
			bare, qualifier := splitARN(c.Function)
			if c.Stage != p.Stage.Name && bare == m.Function && isLatest(qualifier) && !slices.Contains(stages, c.Stage) {
				stages = append(stages, c.Stage)
			}
		}
		if len(stages) > 0 {
			p.warn("%s is called on %s too: its code changes there as well.", short(m.Function), strings.Join(stages, ", "))
		}
	}
}

func sha(f *lambda.GetFunctionOutput) string { return aws.ToString(f.Configuration.CodeSha256) }

// image is the image of a function, by its digest.
func image(f *lambda.GetFunctionOutput) string {
	if f.Code == nil {
		return ""
	}
	if uri := aws.ToString(f.Code.ResolvedImageUri); uri != "" {
		return uri
	}
	return aws.ToString(f.Code.ImageUri)
}

func orZip(t types.PackageType) string {
	if t == "" {
		return string(types.PackageTypeZip)
	}
	return string(t)
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func hasWeights(a *types.AliasConfiguration) bool { return len(weightsOf(a)) > 0 }

func weightsOf(a *types.AliasConfiguration) map[string]float64 {
	if a == nil || a.RoutingConfig == nil || len(a.RoutingConfig.AdditionalVersionWeights) == 0 {
		return nil
	}
	return a.RoutingConfig.AdditionalVersionWeights
}
