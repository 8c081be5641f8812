package gateway

import "strings"

// binaryTypes are an API's binaryMediaTypes.
type binaryTypes struct {
	all   bool // "*/*"
	types []string
}

func compileBinary(types []string) binaryTypes {
	var b binaryTypes
	for _, t := range types {
		if t == "*/*" {
			b.all = true
		}
		b.types = append(b.types, strings.ToLower(t))
	}
	return b
}

// match reports whether a media type, with or without parameters, is binary.
// Only "*/*" is a wildcard (APIGW-DG api-gateway-payload-encodings names no
// other).
func (b *binaryTypes) match(mediaType string) bool {
	if b.all {
		return true
	}
	if len(b.types) == 0 {
		return false
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, t := range b.types {
		if strings.EqualFold(t, mediaType) {
			return true
		}
	}
	return false
}

// accepts reports whether a caller who sent this Accept header gets binary
// answers decoded: only the first type counts (APIGW-DG
// api-gateway-payload-encodings-workflow).
func (b *binaryTypes) accepts(accept string) bool {
	first, _, _ := strings.Cut(accept, ",")
	return b.match(first)
}
