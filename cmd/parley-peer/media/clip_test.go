package media

import (
	"testing"
	"time"
)

func TestLoadClip(t *testing.T) {
	clip := loadClip(t)
	if size := len(clipVideo) + len(clipAudio); size > 150_000 {
		t.Errorf("the clip has %d bytes", size)
	}
	if video := time.Duration(len(clip.frames)) * clip.frameInterval; video < 2*time.Second || video > 4*time.Second {
		t.Errorf("%v of video", video)
	}
	if clip.packetLength != 20*time.Millisecond || len(clip.packets) < 100 {
		t.Errorf("%d packets of %v", len(clip.packets), clip.packetLength)
	}
	var last int
	for i, f := range clip.frames {
		if f.key {
			last = i
		} else if since := time.Duration(i-last+1) * clip.frameInterval; since > time.Second {
			t.Errorf("no key frame for %v at frame %d", since, i)
		}
	}
	if len(clip.pictures) < 2 {
		t.Errorf("%d different key pictures: nothing moves", len(clip.pictures))
	}
}

func TestBrokenClipFiles(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty":           nil,
		"no frame":        clipVideo[:32],
		"cut in a frame":  clipVideo[:1000],
		"a frame at odds": append(append([]byte(nil), clipVideo[:44]...), make([]byte, len(clipVideo)-44)...),
	} {
		if err := (&Clip{pictures: map[[32]byte]struct{}{}}).readVideo(file); err == nil {
			t.Errorf("video, %s: no error", name)
		}
	}
	for name, file := range map[string][]byte{
		"empty":         nil,
		"only a header": clipAudio[:47],
		"cut in a page": clipAudio[:1000],
	} {
		if err := (&Clip{}).readAudio(file); err == nil {
			t.Errorf("audio, %s: no error", name)
		}
	}
}
