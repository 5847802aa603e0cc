package media

import (
	"crypto/sha256"
	"image"
	"testing"
)

func TestCheckFrame(t *testing.T) {
	clip := loadClip(t)
	key, inter := clip.frames[0].data, clip.frames[1].data
	change := func(data []byte, at int, to byte) []byte {
		data = append([]byte(nil), data...)
		data[at] = to
		return data
	}
	tests := []struct {
		name    string
		data    []byte
		key, ok bool
	}{
		{"key frame", key, true, true},
		{"inter frame", inter, false, true},
		{"nothing", nil, false, false},
		{"two bytes", key[:2], false, false},
		{"key frame without a size", key[:9], false, false},
		{"key frame with another start code", change(key, 4, 2), false, false},
		{"key frame cut in its first partition", key[:12], false, false},
		{"inter frame cut in its first partition", inter[:5], false, false},
		{"version 7", change(inter, 0, inter[0]|0x0e), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := checkFrame(tt.data)
			if key != tt.key || (err == nil) != tt.ok {
				t.Errorf("key %t, %v", key, err)
			}
		})
	}
}

func TestDecodeKeyFrame(t *testing.T) {
	clip := loadClip(t)
	key := clip.frames[0].data
	pic, err := decodeKeyFrame(key)
	if err != nil || pic.blank || pic.width != 320 || pic.height != 180 {
		t.Fatalf("%+v, %v", pic, err)
	}
	if _, known := clip.pictures[pic.sum]; !known {
		t.Error("the clip does not know its own picture")
	}
	sized := func(w, h uint16) []byte {
		data := append([]byte(nil), key...)
		data[6], data[7], data[8], data[9] = byte(w), byte(w>>8), byte(h), byte(h>>8)
		return data
	}
	for name, data := range map[string][]byte{
		"inter frame":     clip.frames[1].data,
		"cut short":       key[:len(key)/2],
		"no width":        sized(0, 180),
		"no height":       sized(320, 0),
		"absurdly large":  sized(0x3fff, 0x3fff),
		"too large":       sized(4096, 2305),
		"larger than fed": sized(640, 480),
	} {
		if pic, err := decodeKeyFrame(data); err == nil {
			t.Errorf("%s: decoded to %+v", name, pic)
		}
	}
}

func TestExamine(t *testing.T) {
	// Seven by five leaves rows and columns of the buffer out of the picture.
	buffer := image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio420)
	img := buffer.SubImage(image.Rect(0, 0, 7, 5)).(*image.YCbCr)
	plain := examine(img)
	if !plain.blank || plain.width != 7 || plain.height != 5 {
		t.Errorf("plain: %+v", plain)
	}
	if want := sha256.Sum256(make([]byte, 7*5+2*4*3)); plain.sum != want {
		t.Error("the sum is not over the three planes of the picture")
	}
	buffer.Y[7], buffer.Cb[4] = 255, 255
	if got := examine(img); got != plain {
		t.Errorf("what is outside counts: %+v", got)
	}
	buffer.Y[4*buffer.YStride+6] = blankSpread - 1
	if got := examine(img); !got.blank || got.sum == plain.sum {
		t.Errorf("faint: %+v", got)
	}
	buffer.Y[4*buffer.YStride+6] = blankSpread
	if got := examine(img); got.blank {
		t.Errorf("not blank: %+v", got)
	}
	before := examine(img)
	buffer.Cr[2*buffer.CStride+3] = 1
	if got := examine(img); got.sum == before.sum {
		t.Error("colour does not count")
	}
}

func FuzzKeyFrame(f *testing.F) {
	clip := loadClip(f)
	for _, frame := range clip.frames {
		if frame.key {
			f.Add(frame.data)
			f.Add(frame.data[:len(frame.data)/2])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= keyHeader { // a small picture: what is in it is of interest, not how long it takes
			data = append([]byte(nil), data...)
			data[6], data[7], data[8], data[9] = data[6]&0x7f, data[7]&0xc0, data[8]&0x7f, data[9]&0xc0
		}
		pic, err := decodeKeyFrame(data)
		if err != nil && pic != (picture{}) {
			t.Errorf("a picture with an error: %v", err)
		}
		if err == nil && (pic.width < 1 || pic.height < 1 || pic.width*pic.height > maxPixels) {
			t.Errorf("a picture of %dx%d", pic.width, pic.height)
		}
	})
}
