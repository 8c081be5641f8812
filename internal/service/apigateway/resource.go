package apigateway

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// CreateResource adds a node below an existing one.
func (s *Service) CreateResource(ctx context.Context, in *apigateway.CreateResourceInput, _ ...func(*apigateway.Options)) (*apigateway.CreateResourceOutput, error) {
	c, id := scopeOf(ctx), deref(in.RestApiId)
	var created *state.Resource
	_, err := s.updateAPI(ctx, c, id, errAPINotFound(c.account, id), func(a *state.RestAPI) error {
		parent := a.Resources[deref(in.ParentId)]
		if parent == nil {
			return errResourceNotFound()
		}
		created = &state.Resource{ParentID: parent.ID, PathPart: deref(in.PathPart)}
		if err := checkPlace(a, created, parent); err != nil {
			return err
		}
		if limit := s.limits.ResourcesPerAPI; limit > 0 && len(a.Resources) >= limit {
			return errTooMany("Resources")
		}
		for created.ID == "" || a.Resources[created.ID] != nil {
			created.ID = s.newID(resourceIDLength)
		}
		created.Path = childPath(parent.Path, created.PathPart)
		a.Resources[created.ID] = created
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.CreateResourceOutput)(resourceOutput(created, false)), nil
}

// pathPart is AWS's expression for one segment (aws-lambda-dotnet#1911 quotes it).
var pathPart = compiled(`^(\{[\w.:-]+\+?\}|[a-zA-Z0-9.:_-]+)$`)

// isVariable reports whether a path part is "{name}" or "{name+}".
func isVariable(part string) bool { return strings.HasPrefix(part, "{") }

// isGreedy reports whether a path part is "{name+}".
func isGreedy(part string) bool { return strings.HasSuffix(part, "+}") }

// checkPlace reports whether r may be a child of parent: its path part is legal,
// no sibling has it, and at most one sibling is a variable.
func checkPlace(a *state.RestAPI, r, parent *state.Resource) error {
	if !pathPart().MatchString(r.PathPart) {
		// cdk-preflight's rule "pf-apigw-path-part" quotes it.
		return badRequest("Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.")
	}
	if isGreedy(parent.PathPart) {
		// localstack#7746.
		return badRequest("Cannot create a child of a resource with a greedy path variable: %s", parent.PathPart)
	}
	var variable string
	for _, sibling := range a.Resources {
		if sibling.ParentID != parent.ID || sibling.ID == r.ID {
			continue
		}
		if sibling.PathPart == r.PathPart {
			// AWS recording test_update_resource_behaviour.
			return conflict("Another resource with the same parent already has this name: %s", r.PathPart)
		}
		if isVariable(sibling.PathPart) {
			variable = sibling.PathPart
		}
	}
	if variable != "" && isVariable(r.PathPart) {
		// serverless-nextjs#206, aws-apigateway-importer#202.
		return badRequest("A sibling (%s) of this resource already has a variable path part -- only one is allowed", variable)
	}
	return nil
}

func childPath(parent, part string) string {
	return strings.TrimSuffix(parent, "/") + "/" + part
}

// GetResource answers one node; embed=methods gives its methods in full.
func (s *Service) GetResource(ctx context.Context, in *apigateway.GetResourceInput, _ ...func(*apigateway.Options)) (*apigateway.GetResourceOutput, error) {
	_, r, err := s.resource(scopeOf(ctx), in.RestApiId, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return resourceOutput(r, slices.Contains(in.Embed, "methods")), nil
}

// resource returns a node of the live tree. AWS reports an unknown API as an
// unknown resource here (AWS recording test_update_method_validation).
func (s *Service) resource(c scope, api, id *string) (*state.RestAPI, *state.Resource, error) {
	a, err := s.api(c, deref(api))
	if err != nil {
		if _, ok := err.(*types.NotFoundException); ok {
			err = errResourceNotFound()
		}
		return nil, nil, err
	}
	r := a.Resources[deref(id)]
	if r == nil {
		return nil, nil, errResourceNotFound()
	}
	return a, r, nil
}

// GetResources answers the tree, sorted by path, a page at a time.
func (s *Service) GetResources(ctx context.Context, in *apigateway.GetResourcesInput, _ ...func(*apigateway.Options)) (*apigateway.GetResourcesOutput, error) {
	a, err := s.api(scopeOf(ctx), deref(in.RestApiId))
	if err != nil {
		return nil, err
	}
	all := make([]*state.Resource, 0, len(a.Resources))
	for _, r := range a.Resources {
		all = append(all, r)
	}
	slices.SortFunc(all, func(x, y *state.Resource) int { return strings.Compare(x.Path, y.Path) })
	items, position, err := page(all, in.Limit, in.Position, func(r *state.Resource) string { return r.ID })
	if err != nil {
		return nil, err
	}
	embed := slices.Contains(in.Embed, "methods")
	out := &apigateway.GetResourcesOutput{Items: make([]types.Resource, 0, len(items)), Position: position}
	for _, r := range items {
		out.Items = append(out.Items, resource(r, embed))
	}
	return out, nil
}

// DeleteResource removes a node with everything below it (AWS recording
// test_delete_resource).
func (s *Service) DeleteResource(ctx context.Context, in *apigateway.DeleteResourceInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteResourceOutput, error) {
	_, err := s.updateAPI(ctx, scopeOf(ctx), deref(in.RestApiId), errResourceNotFound(), func(a *state.RestAPI) error {
		r := a.Resources[deref(in.ResourceId)]
		switch {
		case r == nil:
			return errResourceNotFound()
		case r.ID == a.RootResourceID:
			return badRequest("Root resource cannot be deleted") // unverified: text
		}
		for id := range subtree(a, r.ID) {
			delete(a.Resources, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteResourceOutput{}, nil
}

// subtree returns the ids of a node and of all nodes below it.
func subtree(a *state.RestAPI, id string) map[string]bool {
	in := map[string]bool{id: true}
	for grown := true; grown; {
		grown = false
		for _, r := range a.Resources {
			if in[r.ParentID] && !in[r.ID] {
				in[r.ID], grown = true, true
			}
		}
	}
	return in
}

// UpdateResource renames a node or moves it, with everything below it.
func (s *Service) UpdateResource(ctx context.Context, in *apigateway.UpdateResourceInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateResourceOutput, error) {
	var updated *state.Resource
	_, err := s.updateAPI(ctx, scopeOf(ctx), deref(in.RestApiId), errResourceNotFound(), func(a *state.RestAPI) error {
		updated = a.Resources[deref(in.ResourceId)]
		if updated == nil {
			return errResourceNotFound()
		}
		return resourcePatches(a).apply(updated, in.PatchOperations)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateResourceOutput)(resourceOutput(updated, false)), nil
}

// resourcePatches: API reference "Patch operations", UpdateResource; the texts
// are from AWS recordings test_update_resource_behaviour and test_update_resource_on_root.
func resourcePatches(a *state.RestAPI) *patchTable[state.Resource] {
	return &patchTable[state.Resource]{listPaths: true, rules: []patchRule[state.Resource]{
		{"/parentId", opsReplace, func(r *state.Resource, p patch) error {
			if r.ID == a.RootResourceID {
				return badRequest("Root resource cannot update its parentId.")
			}
			parent := a.Resources[p.value]
			if parent == nil {
				return errResourceNotFound()
			}
			if subtree(a, r.ID)[parent.ID] {
				return badRequest("Resources cannot be cyclical.")
			}
			if err := checkPlace(a, r, parent); err != nil {
				return err
			}
			r.ParentID = parent.ID
			setPath(a, r)
			return nil
		}},
		{"/pathPart", opsReplace, func(r *state.Resource, p patch) error {
			if r.ID == a.RootResourceID {
				return badRequest("Root resource cannot update its pathPart.")
			}
			r.PathPart = p.value
			if err := checkPlace(a, r, a.Resources[r.ParentID]); err != nil {
				return err
			}
			if isGreedy(r.PathPart) && len(subtree(a, r.ID)) > 1 {
				return badRequest("Cannot create a child of a resource with a greedy path variable: %s", r.PathPart)
			}
			setPath(a, r)
			return nil
		}},
	}}
}

// setPath writes the full path of r and of everything below it.
func setPath(a *state.RestAPI, r *state.Resource) {
	r.Path = childPath(a.Resources[r.ParentID].Path, r.PathPart)
	for _, child := range a.Resources {
		if child.ParentID == r.ID {
			setPath(a, child)
		}
	}
}

// resource is the answer for a node. Without embed the methods are named and
// empty (AWS recording test_import_swagger_api: "resourceMethods": {"GET": {}}).
func resource(r *state.Resource, embed bool) types.Resource {
	out := types.Resource{Id: &r.ID, Path: &r.Path}
	if r.ParentID != "" {
		out.ParentId, out.PathPart = &r.ParentID, &r.PathPart
	}
	if len(r.Methods) > 0 {
		out.ResourceMethods = make(map[string]types.Method, len(r.Methods))
		for verb, m := range r.Methods {
			if embed {
				out.ResourceMethods[verb] = method(m)
			} else {
				out.ResourceMethods[verb] = types.Method{}
			}
		}
	}
	return out
}

func resourceOutput(r *state.Resource, embed bool) *apigateway.GetResourceOutput {
	t := resource(r, embed)
	return &apigateway.GetResourceOutput{Id: t.Id, ParentId: t.ParentId, Path: t.Path, PathPart: t.PathPart, ResourceMethods: t.ResourceMethods}
}
