package actions

import (
	"regexp"
	"strings"
)

var inBraces = regexp.MustCompile(`\{([A-Z][A-Za-z]*)\}`)

// MembersForTest lists the members that a line names.
func MembersForTest(service, operation string) []string {
	r := tables()[service][operation]
	var members []string
	for _, m := range inBraces.FindAllStringSubmatch(r.resource, -1) {
		members = append(members, m[1])
	}
	if strings.HasPrefix(r.resource, "@new:") || strings.HasPrefix(r.resource, "@entity:") {
		members = append(members, r.resource[strings.LastIndexByte(r.resource, ':')+1:])
	}
	for _, word := range r.words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "tags", "tagresource":
			members = append(members, "Tags")
		case "untag":
			members = append(members, "TagKeys")
		case "patch":
			members = append(members, "PatchOperations")
		case "boundary", "rename", "current":
		case "tagged":
			members = append(members, "Tags")
			for _, m := range inBraces.FindAllStringSubmatch(value, -1) {
				members = append(members, m[1])
			}
		case "also", "onresource":
			_, value, _ = strings.Cut(value, ":")
			members = append(members, memberOf(value))
		default:
			if value, _, _ = strings.Cut(value, "@"); value != "" {
				members = append(members, memberOf(value))
			}
		}
	}
	return members
}

// memberOf: a path is that of a patch operation.
func memberOf(value string) string {
	if strings.HasPrefix(value, "/") {
		return "PatchOperations"
	}
	return value
}
