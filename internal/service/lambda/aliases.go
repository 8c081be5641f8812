package lambda

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// CreateAlias makes a name for a version.
func (s *Service) CreateAlias(ctx context.Context, in *lambda.CreateAliasInput, _ ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	t, err := s.aliasTarget(ctx, in.FunctionName, in.Name, "lambda:CreateAlias")
	if err != nil {
		return nil, err
	}
	alias := &state.Alias{
		Name: t.qualifier, FunctionVersion: deref(in.FunctionVersion), Description: deref(in.Description),
		RoutingWeights: weights(in.RoutingConfig), RevisionID: s.newID(),
	}
	_, err = s.update(ctx, t.with(""), func(fn *state.Function) error {
		if fn.Aliases[alias.Name] != nil { // HumanCellAtlas/data-store#929 quotes the sentence
			return conflict("Alias already exists: %s", t.arn())
		}
		if err := s.checkRouting(t, fn, alias); err != nil {
			return err
		}
		if fn.Aliases == nil {
			fn.Aliases = map[string]*state.Alias{}
		}
		fn.Aliases[alias.Name] = alias
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := lambda.CreateAliasOutput(*aliasOutput(t, alias))
	return &out, nil
}

// GetAlias answers one alias.
func (s *Service) GetAlias(ctx context.Context, in *lambda.GetAliasInput, _ ...func(*lambda.Options)) (*lambda.GetAliasOutput, error) {
	t, err := s.aliasTarget(ctx, in.FunctionName, in.Name, "lambda:GetAlias")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t.with(""))
	if err != nil {
		return nil, err
	}
	alias := fn.Aliases[t.qualifier]
	if alias == nil {
		return nil, aliasNotFound(t)
	}
	return aliasOutput(t, alias), nil
}

// UpdateAlias changes what the request names and leaves the rest.
func (s *Service) UpdateAlias(ctx context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	t, err := s.aliasTarget(ctx, in.FunctionName, in.Name, "lambda:UpdateAlias")
	if err != nil {
		return nil, err
	}
	var alias *state.Alias
	_, err = s.update(ctx, t.with(""), func(fn *state.Function) error {
		if alias = fn.Aliases[t.qualifier]; alias == nil {
			return notFound("Alias not found: %s", t.arn()) // hashicorp/terraform-provider-aws#4090
		}
		if in.RevisionId != nil && *in.RevisionId != alias.RevisionID {
			return precondition(msgRevisionFunction)
		}
		set(&alias.FunctionVersion, in.FunctionVersion)
		set(&alias.Description, in.Description)
		if in.RoutingConfig != nil {
			alias.RoutingWeights = weights(in.RoutingConfig)
		}
		alias.RevisionID = s.newID()
		return s.checkRouting(t, fn, alias)
	})
	if err != nil {
		return nil, err
	}
	out := lambda.UpdateAliasOutput(*aliasOutput(t, alias))
	return &out, nil
}

// DeleteAlias removes an alias with its policy; one that is not there is no
// error (AWS recording test_non_existent_alias_deletion).
func (s *Service) DeleteAlias(ctx context.Context, in *lambda.DeleteAliasInput, _ ...func(*lambda.Options)) (*lambda.DeleteAliasOutput, error) {
	t, err := s.aliasTarget(ctx, in.FunctionName, in.Name, "lambda:DeleteAlias")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t.with(""))
	if err != nil {
		return nil, err
	}
	if fn.Aliases[t.qualifier] == nil {
		return &lambda.DeleteAliasOutput{}, nil
	}
	_, err = s.update(ctx, t.with(""), func(fn *state.Function) error {
		delete(fn.Aliases, t.qualifier)
		delete(fn.Policies, t.qualifier)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lambda.DeleteAliasOutput{}, nil
}

// ListAliases lists a function's aliases by name, or those that point at one
// version.
func (s *Service) ListAliases(ctx context.Context, in *lambda.ListAliasesInput, _ ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:ListAliases")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	var rows []row[types.AliasConfiguration]
	for name, alias := range fn.Aliases {
		if _, routed := alias.RoutingWeights[deref(in.FunctionVersion)]; in.FunctionVersion == nil || routed || alias.FunctionVersion == *in.FunctionVersion {
			rows = append(rows, row[types.AliasConfiguration]{name, func() *types.AliasConfiguration { return aliasItem(aliasOutput(t.with(name), alias)) }})
		}
	}
	aliases, next, err := page(rows, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &lambda.ListAliasesOutput{Aliases: aliases, NextMarker: next}, nil
}

// aliasTarget resolves a function's name and makes the alias its qualifier. A
// function name with a qualifier of its own is refused.
func (s *Service) aliasTarget(ctx context.Context, name, alias *string, action string) (target, error) {
	t, err := s.resolveShared(ctx, name, nil, action)
	if err == nil && t.qualifier != "" {
		err = invalid(msgQualifierMismatch) // unverified
	}
	return t.with(deref(alias)), err
}

// checkRouting: an alias points at a version that exists, and may share its
// calls with one other (LDG configuring-alias-routing: both published, with
// the same execution role and dead-letter queue).
//
// unverified: the sentences of the refusals, but for the role's
// (serverless-heaven/serverless-aws-alias#64) and the missing version's.
func (s *Service) checkRouting(t target, fn *state.Function, alias *state.Alias) error {
	primary, err := s.config(t.with(alias.FunctionVersion), fn)
	if err != nil || len(alias.RoutingWeights) == 0 {
		return err
	}
	if len(alias.RoutingWeights) > 1 {
		return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	if alias.FunctionVersion == latest {
		return invalid("$LATEST is not supported for an alias pointing to more than 1 version")
	}
	for version, weight := range alias.RoutingWeights {
		if version == alias.FunctionVersion {
			return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", version, version)
		}
		if !(weight >= 0 && weight <= 1) {
			return validation(string(compactJSON(alias.RoutingWeights)), "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		}
		other, err := s.config(t.with(version), fn)
		if err != nil {
			return err
		}
		if other.Role != primary.Role {
			return invalid("Specified versions must be associated with the same execution role")
		}
	}
	return nil
}

func weights(in *types.AliasRoutingConfiguration) map[string]float64 {
	if in == nil || len(in.AdditionalVersionWeights) == 0 {
		return nil
	}
	return maps.Clone(in.AdditionalVersionWeights)
}

func aliasOutput(t target, alias *state.Alias) *lambda.GetAliasOutput {
	out := &lambda.GetAliasOutput{
		AliasArn: new(t.arn()), Name: new(alias.Name), Description: new(alias.Description),
		FunctionVersion: new(alias.FunctionVersion), RevisionId: new(alias.RevisionID),
	}
	if len(alias.RoutingWeights) > 0 {
		out.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: maps.Clone(alias.RoutingWeights)}
	}
	return out
}

func aliasItem(a *lambda.GetAliasOutput) *types.AliasConfiguration {
	return &types.AliasConfiguration{
		AliasArn: a.AliasArn, Name: a.Name, Description: a.Description, FunctionVersion: a.FunctionVersion,
		RevisionId: a.RevisionId, RoutingConfig: a.RoutingConfig,
	}
}
