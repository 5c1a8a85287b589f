package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;

/**
 * The entries of a judge. They have no key groups: after a restart each judge is given those of all,
 * since it may read any source from then on.
 */
final class JudgeState {
  private static final long CHUNK = 1 << 20;

  private final ListState<byte[]> kept;
  private final Map<Place, byte[]> entries = new HashMap<>();

  private record Place(int group, Bytes key) {}

  JudgeState(OperatorStateStore store) throws Exception {
    kept =
        store.getUnionListState(
            new ListStateDescriptor<>(
                "entries", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
  }

  /** Lets a fresh judge go on from what was kept; false: there is nothing. */
  boolean restore(Stage stage) throws Exception {
    ByteArrayOutputStream heads = new ByteArrayOutputStream();
    ByteArrayOutputStream others = new ByteArrayOutputStream();
    for (byte[] of : kept.get()) {
      Entries.read(
          of,
          new Entries.Sink() {
            @Override
            public void put(int group, Bytes key, byte[] value) {
              Entries.append(Entries.isHead(key) ? heads : others, group, key, value);
            }

            @Override
            public void remove(int group, Bytes key) {
              throw new IllegalStateException("what was kept of a judge is damaged");
            }

            @Override
            public void clear(int group) {
              remove(group, null);
            }
          });
    }
    if (heads.size() > 0) {
      stage.beginRestore(heads.toByteArray());
      stage.restore(others.toByteArray());
      stage.finishRestore(true); // the next cut has all of it
    }
    return heads.size() > 0;
  }

  /** Gives all entries, as they were written last. */
  void give(StateFolder.Sink sink) throws Exception {
    for (Map.Entry<Place, byte[]> entry : entries.entrySet()) {
      sink.put(entry.getKey().group(), entry.getKey().key(), entry.getValue());
    }
  }

  /** Keeps what has changed since the cut before, with all else. */
  void write(Stage stage) throws Exception {
    stage.cut();
    do {
      Entries.read(
          stage.takeCut(CHUNK),
          new Entries.Sink() {
            @Override
            public void put(int group, Bytes key, byte[] value) {
              entries.put(new Place(group, key), value);
            }

            @Override
            public void remove(int group, Bytes key) {
              entries.remove(new Place(group, key));
            }

            @Override
            public void clear(int group) {
              entries.keySet().removeIf(place -> place.group() == group);
            }
          });
    } while (!stage.wasLastOfCut());
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    entries.forEach((place, value) -> Entries.append(all, place.group(), place.key(), value));
    kept.update(List.of(all.toByteArray()));
  }
}
