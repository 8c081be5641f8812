package iampolicy

// actionPattern compares an action without regard to case ("IAM JSON policy
// elements: Action": prefix and name are case-insensitive). Only "*" and "?"
// are special; actions hold no policy variables.
type actionPattern struct {
	text string // as written
	any  bool   // "*"
}

// match is the byte-wise greedy match with one way back to the last "*": see
// matchPieces for why it is linear in the number of "*".
func (p *actionPattern) match(action string) bool {
	if p.any || p.text == action {
		return true
	}
	want := p.text
	w, i := 0, 0
	starW, starI := -1, 0
	for i < len(action) {
		switch {
		case w < len(want) && want[w] == '*':
			starW, starI = w+1, i
			w++
		case w < len(want) && (want[w] == '?' || lowerASCII(want[w]) == lowerASCII(action[i])):
			w++
			i++
		case starW >= 0:
			starI++
			w, i = starW, starI
		default:
			return false
		}
	}
	for w < len(want) && want[w] == '*' {
		w++
	}
	return w == len(want)
}
