package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

func benchKey(i int) state.Key {
	return state.NewKey("lambda", "function", "000000000000", "us-east-1", fmt.Sprintf("my-function-%d", i))
}

func benchNote(i int) *storetest.Note {
	return &storetest.Note{Text: strings.Repeat("x", 1024), N: i}
}

// fill writes n records of 1 KiB, in batches: faster than one after the other.
func fill(b *testing.B, s *store.Store, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				if _, err := store.Create(context.Background(), s, benchKey(i), benchNote(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkOpen2000(b *testing.B) {
	dir := b.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, 2000)
	s.Close()
	for b.Loop() {
		s, err := store.Open(context.Background(), store.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

func BenchmarkOpenNew(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		b.StartTimer()
		s, err := store.Open(context.Background(), store.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, store.Options{Dir: b.TempDir()})
	i := 0
	for b.Loop() {
		if _, err := store.Put(context.Background(), s, benchKey(i%1000), benchNote(i)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkPutParallel(b *testing.B) {
	s := open(b, store.Options{Dir: b.TempDir()})
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := store.Put(context.Background(), s, benchKey(i%1000), benchNote(i)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPutMemory(b *testing.B) {
	s := open(b, store.Options{Ephemeral: true})
	i := 0
	for b.Loop() {
		if _, err := store.Put(context.Background(), s, benchKey(i%1000), benchNote(i)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := open(b, store.Options{Dir: b.TempDir()})
	fill(b, s, 100)
	i := 0
	for b.Loop() {
		if _, err := store.Update(context.Background(), s, benchKey(i%100), func(n *storetest.Note) error { n.N++; return nil }); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkApply3(b *testing.B) {
	s := open(b, store.Options{Dir: b.TempDir()})
	fill(b, s, 100)
	i := 0
	for b.Loop() {
		if err := store.Apply(context.Background(), s,
			store.PutOp(benchKey(i%100), benchNote(i), 0), store.PutOp(benchKey((i+1)%100), benchNote(i), 0), store.PutOp(benchKey((i+2)%100), benchNote(i), 0)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, store.Options{Ephemeral: true})
	fill(b, s, 2000)
	key := benchKey(77)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := store.Get[storetest.Note](s, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkViewGet(b *testing.B) {
	s := open(b, store.Options{Ephemeral: true})
	fill(b, s, 2000)
	v := store.NewView(s, "lambda.function", func(_ state.Key, rec *storetest.Note, _ uint64) int { return rec.N })
	key := benchKey(77)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := v.Get(key); !ok {
			b.Fatal("gone")
		}
	}
}

func BenchmarkList100(b *testing.B) {
	s := open(b, store.Options{Ephemeral: true})
	fill(b, s, 2000)
	for i := range 100 {
		if _, err := store.Create(context.Background(), s, state.NewKey("other", fmt.Sprint(i)), benchNote(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(store.List[storetest.Note](s, "other")) != 100 {
			b.Fatal("not 100")
		}
	}
}
