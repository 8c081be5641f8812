package diff

import "github.com/stagedoor/stagedoor/internal/terminal"

// differing shows two texts with what they do not share marked. Of long ones only
// the surroundings of the difference are shown.
func (p *printer) differing(left, right string, room int) (l, r string) {
	a, b := []rune(left), []rune(right)
	front, back := ends(a, b)
	return p.window(a, front, back, room), p.window(b, front, back, room)
}

// window shows a text whose first front and last back characters are shared.
func (p *printer) window(text []rune, front, back, room int) string {
	before, middle, after := text[:front], text[front:len(text)-back], text[len(text)-back:]
	spare := max(room-len(middle), room/2)
	head, tail := "", ""
	if len(before)+len(after) > spare {
		if keep := spare * 2 / 3; len(before) > keep {
			before, head = before[len(before)-keep:], "…"
		}
		if keep := max(spare-len(before)-2, 0); len(after) > keep {
			after, tail = after[:keep], "…"
		}
	}
	shown := terminal.Cut(string(middle), max(room-len(before)-len(after)-2, 8))
	return p.Faint.Render(head+string(before)) + p.mark(shown) + p.Faint.Render(string(after)+tail)
}

func (p *printer) mark(text string) string {
	if text == "" {
		return ""
	}
	return p.Marked.Render(text)
}
