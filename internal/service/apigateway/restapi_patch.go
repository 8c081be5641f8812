package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// UpdateRestApi patches the settings of an API.
func (s *Service) UpdateRestApi(ctx context.Context, in *apigateway.UpdateRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateRestApiOutput, error) {
	c, id := scopeOf(ctx), deref(in.RestApiId)
	table := s.restAPIPatches()
	rec, err := s.updateAPI(ctx, c, id, errAPINotFound(c.account, id), func(rec *state.RestAPI) error {
		if err := table.apply(rec, in.PatchOperations); err != nil {
			return err
		}
		if rec.Tags == nil {
			// From its first update on an API without tags shows "tags": {}
			// (AWS recording test_update_rest_api_operation_add_remove).
			rec.Tags = map[string]string{}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateRestApiOutput)(restAPIOutput(rec)), nil
}

// restAPIPatches: API reference "Patch operations", UpdateRestApi.
func (s *Service) restAPIPatches() *patchTable[state.RestAPI] {
	return &patchTable[state.RestAPI]{rules: []patchRule[state.RestAPI]{
		{"/name", opsReplace, func(a *state.RestAPI, p patch) error {
			if p.value == "" {
				return badRequest("Name must be provided") // unverified: text
			}
			a.Name = p.value
			return nil
		}},
		{"/description", opsReplaceRemove, func(a *state.RestAPI, p patch) error {
			a.Description = optional(p)
			return nil
		}},
		{"/version", opsReplaceRemove, func(a *state.RestAPI, p patch) error {
			a.Version = optional(p)
			return nil
		}},
		{"/apiKeySource", opsReplace, patchAPIKeySource},
		{"/binaryMediaTypes/{}", opsMap, patchMediaTypes},
		{"/minimumCompressionSize", opsReplaceRemove, patchCompression},
		{"/disableExecuteApiEndpoint", opsReplace, func(a *state.RestAPI, p patch) error {
			a.DisableExecuteAPIEndpoint = parseBool(p.value)
			return nil
		}},
		{"/policy", opsReplaceRemove, func(a *state.RestAPI, p patch) error {
			a.Policy = nil
			if p.op == types.OpRemove || p.value == "" {
				return nil
			}
			policy, err := s.checkPolicy(p.value)
			a.Policy = new(grants.ExpandAPIPolicy(policy, a.Region, a.Account, a.ID))
			return err
		}},
		{"/endpointConfiguration/types/{}", opsReplace, patchEndpointType},
		{"/endpointConfiguration/ipAddressType", opsReplace, patchIPType},
		{"/endpointConfiguration/vpcEndpointIds", opsAddRemove, func(a *state.RestAPI, p patch) error {
			return patchVPCEndpoint(a, p, p.value)
		}},
		{"/endpointConfiguration/vpcEndpointIds/{}", opsAddRemove, func(a *state.RestAPI, p patch) error {
			return patchVPCEndpoint(a, p, p.key)
		}},
	}}
}

func patchAPIKeySource(a *state.RestAPI, p patch) error {
	if !slices.Contains(types.ApiKeySourceType("").Values(), types.ApiKeySourceType(p.value)) {
		return badRequest("Invalid API key source specified. Valid options are [HEADER, AUTHORIZER]") // unverified: text
	}
	a.APIKeySource = p.value
	return nil
}

// patchMediaTypes treats the list like a map without values; a replaced entry
// goes to the end (AWS recording test_update_rest_api_operation_add_remove).
func patchMediaTypes(a *state.RestAPI, p patch) error {
	if p.op == types.OpReplace {
		patchList(&a.BinaryMediaTypes, patch{op: types.OpRemove}, p.key)
		patchList(&a.BinaryMediaTypes, patch{op: types.OpAdd}, p.value)
		return nil
	}
	patchList(&a.BinaryMediaTypes, p, p.key)
	return nil
}

// patchCompression: an absent or empty value switches compression off.
func patchCompression(a *state.RestAPI, p patch) error {
	a.MinimumCompressionSize = nil
	if p.op == types.OpRemove || p.value == "" {
		return nil
	}
	n, err := strconv.ParseInt(p.value, 10, 32)
	if err != nil || !compressible(n) {
		return errCompression()
	}
	a.MinimumCompressionSize = new(int32(n))
	return nil
}

// patchEndpointType takes the index ("0", Terraform) or the old type ("EDGE",
// aws CLI examples) as its last segment; there is always exactly one type.
func patchEndpointType(a *state.RestAPI, p patch) error {
	if p.key != "0" && !slices.Contains(a.EndpointTypes, p.key) {
		return badRequest("Invalid patch path %s", p.path)
	}
	if !slices.Contains(types.EndpointType("").Values(), types.EndpointType(p.value)) {
		return badRequest("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE") // unverified: text
	}
	if p.value == string(types.EndpointTypePrivate) {
		a.IPAddressType = defaultIPType(p.value)
	} else {
		a.VPCEndpointIDs = nil
	}
	a.EndpointTypes = []string{p.value}
	return nil
}

func patchIPType(a *state.RestAPI, p patch) error {
	switch types.IpAddressType(p.value) {
	case types.IpAddressTypeDualstack:
	case types.IpAddressTypeIpv4:
		if slices.Contains(a.EndpointTypes, string(types.EndpointTypePrivate)) {
			return errPrivateIPv4()
		}
	default:
		return badRequest("Invalid ipAddressType specified. Valid options are [ipv4, dualstack]") // unverified: text
	}
	a.IPAddressType = p.value
	return nil
}

func patchVPCEndpoint(a *state.RestAPI, p patch, id string) error {
	if p.op == types.OpAdd && !slices.Contains(a.EndpointTypes, string(types.EndpointTypePrivate)) {
		return errVPCEndpoint()
	}
	patchList(&a.VPCEndpointIDs, p, id)
	return nil
}

// checkPolicy returns a resource policy without insignificant white space. It
// must be one as package iampolicy reads it, and say in every statement whom it
// is about.
// unverified: that AWS looks whether the principals exist, as the sentence
// suggests; here they need not.
func (s *Service) checkPolicy(policy string) (string, error) {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(policy)) != nil {
		return "", errPolicy()
	}
	if limit := s.limits.PolicyBytes; limit > 0 && compact.Len() > limit {
		return "", badRequest("Policy exceeds the limit of %d characters", limit) // unverified: text
	}
	if _, err := iampolicy.Parse(compact.Bytes()); err != nil || !namesPrincipals(compact.Bytes()) {
		return "", errPolicy()
	}
	return compact.String(), nil
}

// hashicorp/terraform-provider-aws quotes it in its policy documentation.
func errPolicy() error {
	return badRequest("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
}

// namesPrincipals reports whether every statement of a policy names principals.
func namesPrincipals(policy []byte) bool {
	type statement struct{ Principal, NotPrincipal json.RawMessage }
	var document struct{ Statement json.RawMessage }
	var list []statement
	if json.Unmarshal(policy, &document) != nil {
		return false
	}
	if json.Unmarshal(document.Statement, &list) != nil { // a single one without brackets
		list = make([]statement, 1)
		if json.Unmarshal(document.Statement, &list[0]) != nil {
			return false
		}
	}
	for _, s := range list {
		if s.Principal == nil && s.NotPrincipal == nil {
			return false
		}
	}
	return true
}

// escapePolicy writes a policy as AWS answers it: escaped once more than JSON
// needs, so that the member's value begins `{\"Version\"`. Terraform unquotes it
// and fails on a plain document.
func escapePolicy(policy string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(policy) != nil {
		return policy
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}
