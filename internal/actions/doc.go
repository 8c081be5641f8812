// Package actions says which permissions an operation needs: the actions, the
// resources they are asked for and the condition keys that the request brings,
// as the Service Authorization Reference lists them.
//
// The tables in table/ have one operation a line:
//
//	OPERATION ACTION RESOURCE WORD…
//
// ACTION is the action's name, "=" where it is the operation's, or "none" for an
// operation that needs no permission. RESOURCE is "*", an ARN with {Field} for
// members of the input and {partition}, {region}, {account}, a path of API
// Gateway, or @NAME for what has rules of its own (see resource.go). The WORDs:
//
//	key=Field.Sub     a condition key and the member it comes from
//	key=/path         a condition key and the path of the patch operation it comes from ("/a/*": all below)
//	current           condition keys of the resource as it is now count too
//	tags, untag       aws:RequestTag/… and aws:TagKeys from Tags; aws:TagKeys from TagKeys
//	boundary          iam:PermissionsBoundary, of the entity that is changed
//	pass=Field@svc    iam:PassRole on the role that the member names, for a service
//	passname=Field@svc  the same for a member that holds a role's name
//	patch=/path@svc   the same for a role that a patch operation sets
//	also=Action:Field another action on the same resource when the member is set, or a patch operation has the /path
//	tagged=/path      PUT on the tags of what is made, when the request has tags (API Gateway)
//	onresource=Action:Field  another action on the ARN in the member
//	tagresource       logs:TagResource when the request has tags
//	rename=kind       the same action on the entity's new name
//
// An operation that has a handler and no line fails a test of the root package.
//
// The root package asks For before each call of the control plane, in awswire's
// Authorize hook, and internal/grants decides. The package imports awswire only:
// inputs are read by reflection, so it knows no SDK. Everything here is
// immutable after the tables have been read and safe for concurrent use.
package actions
