package media

import (
	"slices"
	"testing"
)

func TestRTPCount(t *testing.T) {
	tests := []struct {
		name  string
		seqs  []uint16
		ahead []int
		lost  uint64
	}{
		{"none", nil, nil, 0},
		{"in order", []uint16{5, 6, 7}, []int{1, 1, 1}, 0},
		{"a gap", []uint16{5, 6, 9}, []int{1, 1, 3}, 2},
		{"a gap that is filled", []uint16{5, 7, 6}, []int{1, 2, -1}, 0},
		{"one from before the first", []uint16{5, 4}, []int{1, -1}, 0},
		{"twice", []uint16{5, 5, 6}, []int{1, 0, 1}, 0},
		{"around the end", []uint16{65534, 65535, 0, 2}, []int{1, 1, 1, 2}, 1},
		{"late around the end", []uint16{65535, 1, 0}, []int{1, 2, -1}, 0},
		{"before the first, around the end", []uint16{1, 65535}, []int{1, -2}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c rtpCount
			var ahead []int
			for _, seq := range tt.seqs {
				ahead = append(ahead, c.add(seq))
			}
			if !slices.Equal(ahead, tt.ahead) || c.lost() != tt.lost {
				t.Errorf("ahead %v, lost %d; want %v, %d", ahead, c.lost(), tt.ahead, tt.lost)
			}
		})
	}
	t.Run("many times around", func(t *testing.T) {
		var c rtpCount
		for i := range 200_000 {
			if i%1000 != 999 {
				c.add(uint16(i))
			}
		}
		if c.lost() != 199 { // the last of the 200 is not seen to be missing
			t.Errorf("lost %d", c.lost())
		}
	})
}
