package apigateway

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// CreateRestApi makes an API with its root resource, or a copy of another one.
func (s *Service) CreateRestApi(ctx context.Context, in *apigateway.CreateRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.CreateRestApiOutput, error) {
	c := scopeOf(ctx)
	rec, err := s.newRestAPI(c, in)
	if err != nil {
		return nil, err
	}
	if in.CloneFrom != nil && *in.CloneFrom != "" {
		source, err := s.api(c, *in.CloneFrom)
		if err != nil {
			return nil, err
		}
		s.cloneTree(rec, source)
	}
	if limit := s.limits.APIs; limit > 0 && len(store.List[state.RestAPI](s.store, state.RestAPIs.Child(c.account, c.region))) >= limit {
		// Miserlou/Zappa#628 (a BadRequestException there, in 2017).
		return nil, limitExceeded("Maximum number of APIs has been reached.  Please contact AWS if you need additional APIs.")
	}
	short := rec.Policy
	for {
		rec.ID = s.newID(apiIDLength)
		if short != nil {
			rec.Policy = new(grants.ExpandAPIPolicy(*short, c.region, c.account, rec.ID))
		}
		_, err := store.Create(ctx, s.store, c.apiKey(rec.ID), rec)
		if errors.Is(err, store.ErrExists) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return (*apigateway.CreateRestApiOutput)(restAPIOutput(rec)), nil
	}
}

// newRestAPI checks in and returns the record without its id. The order of the
// checks is AWS's where a recording shows it (test_create_rest_api_with_endpoint_configuration,
// test_create_rest_api_private_type: the description comes first).
func (s *Service) newRestAPI(c scope, in *apigateway.CreateRestApiInput) (*state.RestAPI, error) {
	name := deref(in.Name)
	switch {
	case name == "":
		return nil, badRequest("Name must be provided") // unverified: text
	case in.Description != nil && *in.Description == "":
		return nil, badRequest("Description cannot be an empty string")
	case in.SecurityPolicy != "":
		return nil, errUnsupported("The member securityPolicy")
	case in.EndpointAccessMode != "":
		return nil, errUnsupported("The member endpointAccessMode")
	}
	rec := &state.RestAPI{
		Account: c.account, Region: c.region,
		Name: name, Description: in.Description, Version: in.Version,
		CreatedDate: s.timestamp(),
		Tags:        in.Tags,
		APISnapshot: state.APISnapshot{
			APIKeySource:              cmp.Or(string(in.ApiKeySource), string(types.ApiKeySourceTypeHeader)),
			BinaryMediaTypes:          in.BinaryMediaTypes,
			MinimumCompressionSize:    in.MinimumCompressionSize,
			DisableExecuteAPIEndpoint: in.DisableExecuteApiEndpoint,
		},
	}
	if err := setEndpoint(&rec.APISnapshot, in.EndpointConfiguration); err != nil {
		return nil, err
	}
	if n := in.MinimumCompressionSize; n != nil && !compressible(int64(*n)) {
		return nil, errCompression()
	}
	if in.Policy != nil && *in.Policy != "" {
		policy, err := s.checkPolicy(*in.Policy)
		if err != nil {
			return nil, err
		}
		rec.Policy = &policy // short forms are written out when the API has its id
	}
	root := &state.Resource{ID: s.newID(rootIDLength), Path: "/"}
	rec.RootResourceID = root.ID
	rec.Resources = map[string]*state.Resource{root.ID: root}
	return rec, nil
}

// setEndpoint checks and stores an endpoint configuration; nil gives AWS's
// default (AWS recording test_create_rest_api_verify_defaults).
func setEndpoint(snap *state.APISnapshot, conf *types.EndpointConfiguration) error {
	if conf == nil {
		conf = &types.EndpointConfiguration{}
	}
	kinds := conf.Types
	if kinds == nil {
		kinds = []types.EndpointType{types.EndpointTypeEdge}
	}
	switch {
	case len(kinds) == 0:
		return badRequest("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
	case len(kinds) > 1:
		return badRequest("Cannot create an api with multiple Endpoint Types.")
	}
	private := kinds[0] == types.EndpointTypePrivate
	switch {
	case private && conf.IpAddressType == types.IpAddressTypeIpv4:
		return errPrivateIPv4()
	case !private && len(conf.VpcEndpointIds) > 0:
		return errVPCEndpoint()
	}
	snap.EndpointTypes = []string{string(kinds[0])}
	snap.IPAddressType = cmp.Or(string(conf.IpAddressType), defaultIPType(string(kinds[0])))
	if len(conf.VpcEndpointIds) > 0 {
		snap.VPCEndpointIDs = conf.VpcEndpointIds
	}
	return nil
}

func defaultIPType(kind string) string {
	if kind == string(types.EndpointTypePrivate) {
		return string(types.IpAddressTypeDualstack)
	}
	return string(types.IpAddressTypeIpv4)
}

// AWS recording test_create_rest_api_private_type.
func errPrivateIPv4() error {
	return badRequest("Only dualstack ipAddressType is supported for Private APIs.")
}

// unverified: text.
func errVPCEndpoint() error {
	return badRequest("VPCEndpoints can only be specified with PRIVATE apis.")
}

// compressible reports whether n bytes may be the least size that is compressed
// (API reference RestApi minimumCompressionSize).
func compressible(n int64) bool { return n >= 0 && n <= 10485760 }

// unverified: text.
func errCompression() error {
	return badRequest("Invalid minimum compression size, must be between 0 and 10485760")
}

// cloneTree gives rec the tree and the settings of source under new resource ids.
func (s *Service) cloneTree(rec, source *state.RestAPI) {
	ids := make(map[string]string, len(source.Resources))
	for id := range source.Resources {
		ids[id] = s.newID(resourceIDLength)
	}
	ids[source.RootResourceID] = rec.RootResourceID
	resources := make(map[string]*state.Resource, len(ids))
	for id, r := range source.Resources {
		clone := *r
		clone.ID, clone.ParentID = ids[id], ids[r.ParentID]
		clone.Methods = make(map[string]*state.Method, len(r.Methods))
		for verb, m := range r.Methods {
			method := *m
			if m.Integration != nil {
				integration := *m.Integration
				if integration.CacheNamespace == id {
					integration.CacheNamespace = clone.ID
				}
				method.Integration = &integration
			}
			clone.Methods[verb] = &method
		}
		resources[clone.ID] = &clone
	}
	rec.Resources = resources
	if rec.BinaryMediaTypes == nil {
		rec.BinaryMediaTypes = source.BinaryMediaTypes
	}
}

// GetRestApi answers one API.
func (s *Service) GetRestApi(ctx context.Context, in *apigateway.GetRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.GetRestApiOutput, error) {
	rec, err := s.api(scopeOf(ctx), deref(in.RestApiId))
	if err != nil {
		return nil, err
	}
	return restAPIOutput(rec), nil
}

// GetRestApis answers the caller's APIs, a page at a time.
func (s *Service) GetRestApis(ctx context.Context, in *apigateway.GetRestApisInput, _ ...func(*apigateway.Options)) (*apigateway.GetRestApisOutput, error) {
	c := scopeOf(ctx)
	items, position, err := page(store.List[state.RestAPI](s.store, state.RestAPIs.Child(c.account, c.region)), in.Limit, in.Position,
		func(i store.Item[state.RestAPI]) string { return i.Record.ID })
	if err != nil {
		return nil, err
	}
	out := &apigateway.GetRestApisOutput{Items: make([]types.RestApi, 0, len(items)), Position: position}
	for _, item := range items {
		out.Items = append(out.Items, restAPI(item.Record))
	}
	return out, nil
}

// maxBatch is how many records one atomic batch may hold.
const maxBatch = 1000

// DeleteRestApi removes an API with its stages and deployments, all or nothing.
// Of an API with more than some 980 deployments the oldest ones go in further
// batches: nothing can reach them any more.
func (s *Service) DeleteRestApi(ctx context.Context, in *apigateway.DeleteRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteRestApiOutput, error) {
	c, id := scopeOf(ctx), deref(in.RestApiId)
	if _, err := s.api(c, id); err != nil {
		return nil, err
	}
	var ops []store.Op
	for _, stage := range store.List[state.Stage](s.store, state.Stages.Child(c.account, c.region, id)) {
		ops = append(ops, store.DeleteOp(stage.Key, 0))
	}
	ops = append(ops, store.DeleteOp(c.apiKey(id), 0))
	for _, deployment := range store.List[state.Deployment](s.store, state.Deployments.Child(c.account, c.region, id)) {
		ops = append(ops, store.DeleteOp(deployment.Key, 0))
	}
	for batch := range slices.Chunk(ops, maxBatch) {
		var err error
		if len(ops) == 1 {
			err = store.Delete(ctx, s.store, c.apiKey(id)) // a batch costs 20 to 100 times as much
		} else {
			err = store.Apply(ctx, s.store, batch...)
		}
		if errors.Is(err, store.ErrNotFound) {
			return nil, errAPINotFound(c.account, id)
		}
		if err != nil {
			return nil, err
		}
	}
	return &apigateway.DeleteRestApiOutput{}, nil
}

// restAPI is the answer for an API.
func restAPI(rec *state.RestAPI) types.RestApi {
	out := types.RestApi{
		Id: &rec.ID, Name: &rec.Name, Description: rec.Description, Version: rec.Version,
		CreatedDate:               &rec.CreatedDate,
		ApiKeySource:              types.ApiKeySourceType(rec.APIKeySource),
		BinaryMediaTypes:          slices.Clone(rec.BinaryMediaTypes),
		MinimumCompressionSize:    rec.MinimumCompressionSize,
		DisableExecuteApiEndpoint: rec.DisableExecuteAPIEndpoint,
		RootResourceId:            &rec.RootResourceID,
		Tags:                      maps.Clone(rec.Tags),
		EndpointConfiguration: &types.EndpointConfiguration{
			IpAddressType:  types.IpAddressType(rec.IPAddressType),
			VpcEndpointIds: slices.Clone(rec.VPCEndpointIDs),
		},
	}
	for _, kind := range rec.EndpointTypes {
		out.EndpointConfiguration.Types = append(out.EndpointConfiguration.Types, types.EndpointType(kind))
	}
	if rec.Policy != nil {
		out.Policy = new(escapePolicy(*rec.Policy))
	}
	return out
}

func restAPIOutput(rec *state.RestAPI) *apigateway.GetRestApiOutput {
	a := restAPI(rec)
	return &apigateway.GetRestApiOutput{
		Id: a.Id, Name: a.Name, Description: a.Description, Version: a.Version, CreatedDate: a.CreatedDate,
		ApiKeySource: a.ApiKeySource, BinaryMediaTypes: a.BinaryMediaTypes, MinimumCompressionSize: a.MinimumCompressionSize,
		DisableExecuteApiEndpoint: a.DisableExecuteApiEndpoint, RootResourceId: a.RootResourceId, Tags: a.Tags,
		EndpointConfiguration: a.EndpointConfiguration, Policy: a.Policy,
	}
}
