package promote

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a record keeps of texts that others chose, in bytes.
const (
	maxReason = 150 // in its tag
	maxCaller = 300
)

// aboutKey holds what never changes of a promotion; recordKey + id what does, in
// one tag, so that a change is there or not.
func aboutKey(id string) string { return recordKey + id + ":about" }

// tags are the stage's tags for a record.
func (r *Record) tags() map[string]string {
	words := []word{
		{"from", r.From}, {"old", r.OldDeployment}, {"new", r.NewDeployment}, {"t0", seconds(r.Began)},
		{"c", number(r.Canary)}, {"bake", durationText(r.Bake)}, {"abort", limitsText(r.AbortOn)}, {"fns", strconv.Itoa(r.Count)}, {"fn", r.first}, {"at", r.At}, {"by", r.By},
	}
	for _, v := range r.Set {
		if v.Old != nil {
			words = append(words, word{"o." + v.Name, "=" + *v.Old})
		}
		if v.New != nil {
			words = append(words, word{"v." + v.Name, "=" + *v.New})
		}
	}
	tags := r.progress()
	maps.Copy(tags, pack(aboutKey(r.ID), words))
	return tags
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func limitsText(limits []Threshold) string {
	words := make([]string, len(limits))
	for i, limit := range limits {
		words[i] = limit.String()
	}
	return strings.Join(words, " ")
}

// progress is the tag that says how far a promotion is.
func (r *Record) progress() map[string]string {
	return pack(recordKey+r.ID, []word{{"st", r.State}, {"b", seconds(r.BakesUntil)}, {"t1", seconds(r.Ended)}, {"why", r.Reason}})
}

// limited cuts a text so that escaped it has no more than most bytes.
func limited(text string, most int) string {
	for len(escape(text)) > most {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	return text
}

// readRecord reads the record of a promotion from the tags of a stage.
func readRecord(id, stage string, tags map[string]string) (Record, bool) {
	progress, w := unpack(recordKey+id, tags), unpack(aboutKey(id), tags)
	if w == nil || progress["st"] == "" {
		return Record{}, false
	}
	r := Record{
		ID: id, State: progress["st"], From: w["from"], Stage: stage, OldDeployment: w["old"], NewDeployment: w["new"],
		BakesUntil: moment(progress["b"]), Began: moment(w["t0"]), Ended: moment(progress["t1"]), Reason: progress["why"], By: w["by"], At: w["at"], first: w["fn"],
	}
	if share, err := strconv.ParseFloat(w["c"], 64); err == nil && isShare(share) {
		r.Canary = share // absent, or nonsense in a tag: 0
	}
	r.Bake, _ = time.ParseDuration(w["bake"]) // absent: 0
	for text := range strings.SplitSeq(w["abort"], " ") {
		if limit, err := ParseThreshold(text); err == nil {
			r.AbortOn = append(r.AbortOn, limit)
		}
	}
	r.Count, _ = strconv.Atoi(w["fns"])
	for _, name := range slices.Sorted(maps.Keys(w)) {
		variable, isNew := strings.CutPrefix(name, "v.")
		if isNew {
			r.setVariable(variable).New = new(strings.TrimPrefix(w[name], "="))
		} else if variable, isOld := strings.CutPrefix(name, "o."); isOld {
			r.setVariable(variable).Old = new(strings.TrimPrefix(w[name], "="))
		}
	}
	slices.SortFunc(r.Set, func(a, b Variable) int { return cmp.Compare(a.Name, b.Name) })
	return r, true
}

func (r *Record) setVariable(name string) *Variable {
	for i := range r.Set {
		if r.Set[i].Name == name {
			return &r.Set[i]
		}
	}
	r.Set = append(r.Set, Variable{Name: name})
	return &r.Set[len(r.Set)-1]
}

// recordsOf reads all records of a stage, newest first.
func recordsOf(stage string, tags map[string]string) []Record {
	var all []Record
	for _, id := range promotionsIn(tags) {
		if r, ok := readRecord(id, stage, tags); ok {
			all = append(all, r)
		}
	}
	return all
}

// Interrupted reports whether a promotion was begun and neither completed nor
// undone.
func (r *Record) Interrupted() bool { return r.State != Done && r.State != Undone }

// tags are the function's tags for its part in promotion id.
func (f *FunctionRecord) tags(id string) map[string]string {
	words := []word{{"next", f.next}, {"src", f.Source}, {"old", f.OldVersion}, {"o", f.OldCode}, {"c", f.NewCode}}
	for _, a := range f.Aliases {
		words = append(words, word{"a." + a.Name, a.Old + "/" + a.New})
		for _, version := range slices.Sorted(maps.Keys(a.Weights)) {
			words = append(words, word{"w." + version + "." + a.Name, number(a.Weights[version])})
		}
		if a.AtOnce {
			words = append(words, word{"x." + a.Name, "1"})
		}
	}
	return pack(recordKey+id, words)
}

// readFunction reads a function's part in promotion id from its tags.
func readFunction(id, arn string, tags map[string]string) (FunctionRecord, bool) {
	w := unpack(recordKey+id, tags)
	if w == nil {
		return FunctionRecord{}, false
	}
	f := FunctionRecord{Function: arn, Source: w["src"], OldVersion: w["old"], OldCode: w["o"], NewCode: w["c"], next: w["next"]}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		alias, ok := strings.CutPrefix(name, "a.")
		if !ok {
			continue
		}
		a := AliasRecord{Name: alias, AtOnce: w["x."+alias] != ""}
		a.Old, a.New, _ = strings.Cut(w[name], "/")
		for other, weight := range w {
			rest, ok := strings.CutPrefix(other, "w.")
			if version, of, cut := strings.Cut(rest, "."); ok && cut && of == alias {
				if a.Weights == nil {
					a.Weights = map[string]float64{}
				}
				a.Weights[version], _ = strconv.ParseFloat(weight, 64) // written by number
			}
		}
		f.Aliases = append(f.Aliases, a)
	}
	return f, true
}

func number(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func seconds(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func moment(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
