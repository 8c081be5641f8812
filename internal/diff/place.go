package diff

import "strings"

// place is what distinguishes one place from another in names.
type place struct {
	account, region, api string
}

// normal replaces what belongs to the place in ARNs and addresses, so that the
// same thing in two places reads the same. Other texts stay as they are: an
// account's number in a plain text may mean anything.
func (p place) normal(s string) string {
	if !strings.Contains(s, "arn:") && !strings.Contains(s, ".amazonaws.com") && !strings.Contains(s, ".execute-api.") {
		return s
	}
	if partition := p.partition(); partition != "aws" {
		s = strings.ReplaceAll(s, "arn:"+partition+":", "arn:aws:")
	}
	s = replaceWord(s, p.account, "\x00account")
	s = replaceWord(s, p.region, "\x00region")
	return replaceWord(s, p.api, "\x00api")
}

// partition is the first member of the region's ARNs.
func (p place) partition() string {
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// replaceWord replaces word where no letter or digit touches it.
func replaceWord(s, word, by string) string {
	if word == "" || !strings.Contains(s, word) {
		return s
	}
	var b strings.Builder
	done := 0
	for at := 0; ; {
		found := strings.Index(s[at:], word)
		if found < 0 {
			b.WriteString(s[done:])
			return b.String()
		}
		begin := at + found
		at = begin + len(word)
		if begin > 0 && isAlphanumeric(s[begin-1]) || at < len(s) && isAlphanumeric(s[at]) {
			continue
		}
		b.WriteString(s[done:begin])
		b.WriteString(by)
		done = at
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
