package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// publishVersion freezes $LATEST as a version.
func publishVersion(v *visit) (*done, error) {
	name := v.r.PathValue("name")
	in := &lambda.PublishVersionInput{FunctionName: &name}
	words := []string{"lambda", "publish-version", "--function-name", name}
	if text := v.value("description"); text != "" {
		in.Description = &text
		words = append(words, "--description", text)
	}
	out, err := v.functions("").PublishVersion(v.ctx(), in)
	if err != nil {
		return nil, err
	}
	version := aws.ToString(out.Version)
	return &done{
		Message: "Version " + version + " of " + name + " holds the code of now.", To: functionURL(name) + "#versions", Commands: []string{command(words...)},
		Details: []string{"Where nothing changed since the last version, AWS gives that version again instead of a new one.",
			"A version has a policy of its own, and a new one grants nobody: a method that names it needs its own grant."},
	}, nil
}

// setAlias creates an alias, or moves it, with a share for a second version.
func setAlias(v *visit) (*done, error) {
	name, alias, version := v.r.PathValue("name"), v.value("alias"), v.value("version")
	if alias == "" || version == "" {
		return nil, &problem{Status: http.StatusUnprocessableEntity, Title: "An alias needs a name and a version", Sentence: "Nothing was changed.", To: functionURL(name)}
	}
	weights, err := aliasWeights(v.value("extra"), v.value("percent"))
	if err != nil {
		return nil, err
	}
	if v.value("revision") == "" {
		return createAlias(v, name, alias, version, weights)
	}
	before, err := v.functions("").GetAlias(v.ctx(), &lambda.GetAliasInput{FunctionName: &name, Name: &alias})
	if err != nil {
		return nil, err
	}
	d, err := moveAlias(v, name, alias, version, weights, v.value("revision"))
	if err != nil {
		return nil, err
	}
	old := map[string]float64{}
	if before.RoutingConfig != nil {
		old = before.RoutingConfig.AdditionalVersionWeights
	}
	d.undo = func(v *visit) (*done, error) {
		return moveAlias(v, name, alias, aws.ToString(before.FunctionVersion), old, "")
	}
	return d, nil
}

// aliasWeights reads the share of a second version.
func aliasWeights(version, percent string) (map[string]float64, error) {
	if version == "" {
		return map[string]float64{}, nil
	}
	share, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
	if err != nil || !(share >= 0 && share <= 100) { // NaN is neither
		return nil, &problem{
			Status: http.StatusUnprocessableEntity, Title: "This is no share",
			Sentence: strconv.Quote(percent) + " is not a number from 0 to 100. Nothing was changed.",
		}
	}
	return map[string]float64{version: share / 100}, nil
}

func createAlias(v *visit, name, alias, version string, weights map[string]float64) (*done, error) {
	in := &lambda.CreateAliasInput{FunctionName: &name, Name: &alias, FunctionVersion: &version}
	if len(weights) > 0 {
		in.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}
	}
	if _, err := v.functions("").CreateAlias(v.ctx(), in); err != nil {
		return nil, err
	}
	return &done{
		Message: "The alias " + alias + " of " + name + " leads to " + shares(version, weights) + ".", To: functionURL(name) + "#aliases",
		Details:   []string{"Its policy is empty: a method that calls " + name + ":" + alias + " needs a grant on this alias."},
		Commands:  []string{aliasCommand("create-alias", name, alias, version, weights)},
		UndoLabel: "Delete it again",
		undo: func(v *visit) (*done, error) {
			if _, err := v.functions("").DeleteAlias(v.ctx(), &lambda.DeleteAliasInput{FunctionName: &name, Name: &alias}); err != nil {
				return nil, err
			}
			return &done{Message: "The alias " + alias + " was deleted again.", To: functionURL(name) + "#aliases",
				Commands: []string{command("lambda", "delete-alias", "--function-name", name, "--name", alias)}}, nil
		},
	}, nil
}

// moveAlias changes where an alias leads. revision is the state that the person
// saw: AWS refuses the change where the alias moved meanwhile.
func moveAlias(v *visit, name, alias, version string, weights map[string]float64, revision string) (*done, error) {
	in := &lambda.UpdateAliasInput{
		FunctionName: &name, Name: &alias, FunctionVersion: &version,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	}
	if revision != "" {
		in.RevisionId = &revision
	}
	if _, err := v.functions("").UpdateAlias(v.ctx(), in); err != nil {
		return nil, err
	}
	return &done{
		Message: "The alias " + alias + " of " + name + " leads to " + shares(version, weights) + " now.", To: functionURL(name) + "#aliases",
		Commands: []string{aliasCommand("update-alias", name, alias, version, weights)},
	}, nil
}

// shares says where calls go: "version 3 (90%) and version 4 (10%)".
func shares(version string, weights map[string]float64) string {
	for extra, weight := range weights {
		return fmt.Sprintf("version %s (%s%%) and version %s (%s%%)", version, newAliasTarget("", 1-weight).Percent, extra, newAliasTarget("", weight).Percent)
	}
	return "version " + version
}

func aliasCommand(operation, name, alias, version string, weights map[string]float64) string {
	routing := "AdditionalVersionWeights={"
	for extra, weight := range weights {
		routing += extra + "=" + strconv.FormatFloat(weight, 'f', -1, 64)
	}
	return command("lambda", operation, "--function-name", name, "--name", alias, "--function-version", version, "--routing-config", routing+"}")
}

// removeGrant takes one statement out of a policy. The revision is that of the
// policy which the person saw.
func removeGrant(v *visit) (*done, error) {
	name, qualifier, sid := v.r.PathValue("name"), v.value("qualifier"), v.value("sid")
	client := v.functions("")
	get := &lambda.GetPolicyInput{FunctionName: &name}
	remove := &lambda.RemovePermissionInput{FunctionName: &name, StatementId: &sid}
	words := []string{"lambda", "remove-permission", "--function-name", name, "--statement-id", sid}
	if qualifier != "" {
		get.Qualifier, remove.Qualifier = &qualifier, &qualifier
		words = append(words, "--qualifier", qualifier)
	}
	if revision := v.value("revision"); revision != "" {
		remove.RevisionId = &revision
	}
	before, err := client.GetPolicy(v.ctx(), get)
	if err != nil {
		return nil, err
	}
	lines, err := grantLines(aws.ToString(before.Policy), nil)
	if err != nil {
		return nil, err
	}
	var removed *grantLine
	for i := range lines {
		if lines[i].Sid == sid {
			removed = &lines[i]
		}
	}
	if _, err := client.RemovePermission(v.ctx(), remove); err != nil {
		return nil, err
	}
	d := &done{
		Message: "The statement " + sid + " was removed from the policy of " + qualifiedName(name, qualifier) + ".",
		Details: []string{"It acts at once, without a deployment."},
		To:      qualifiedURL(name, qualifier) + "#policy", Commands: []string{command(words...)},
	}
	if removed != nil && removed.Again != nil {
		d.UndoLabel = "Add it again"
		d.undo = func(v *visit) (*done, error) { return addAgain(v, name, qualifier, removed.Again) }
	} else {
		d.Details = append(d.Details, "AddPermission cannot write a statement of this form, so it is not added again by a button.")
	}
	return d, nil
}

func qualifiedName(name, qualifier string) string {
	if qualifier == "" {
		return name
	}
	return name + ":" + qualifier
}

// addAgain writes a removed statement once more.
func addAgain(v *visit, name, qualifier string, s *statementParts) (*done, error) {
	in := &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: &s.Sid, Action: &s.Action, Principal: &s.Principal,
		FunctionUrlAuthType: types.FunctionUrlAuthType(s.URLAuth),
	}
	words := []string{"lambda", "add-permission", "--function-name", name, "--statement-id", s.Sid, "--action", s.Action, "--principal", s.Principal}
	for _, option := range []struct {
		to          **string
		value, flag string
	}{
		{&in.Qualifier, qualifier, "--qualifier"}, {&in.SourceArn, s.SourceARN, "--source-arn"},
		{&in.SourceAccount, s.SourceAccount, "--source-account"}, {&in.PrincipalOrgID, s.Organization, "--principal-org-id"},
		{&in.EventSourceToken, s.Token, "--event-source-token"},
	} {
		if option.value != "" {
			*option.to = &option.value
			words = append(words, option.flag, option.value)
		}
	}
	if s.URLAuth != "" {
		words = append(words, "--function-url-auth-type", s.URLAuth)
	}
	if _, err := v.functions("").AddPermission(v.ctx(), in); err != nil {
		return nil, err
	}
	return &done{
		Message: "The statement " + s.Sid + " is in the policy of " + qualifiedName(name, qualifier) + " again.",
		To:      qualifiedURL(name, qualifier) + "#policy", Commands: []string{command(words...)},
	}, nil
}
