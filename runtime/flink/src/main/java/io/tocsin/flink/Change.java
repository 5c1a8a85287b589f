package io.tocsin.flink;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A change of what a job runs, from a time of its events on: of its rules, of a list or a table, or
 * a stop. One that has no time of its own takes place as soon as it can.
 */
public final class Change implements Serializable {
  public static final TypeInformation<Change> TYPE =
      new PlainType<>(Change.class, new Serializer(), false);

  private static final long serialVersionUID = 1L;

  private final Rules rules; // the ones that hold from then on, or null
  private final String file; // a data file of the rules, or null
  private final String text; // of that file, or null: lines are added and removed
  private final List<String> add;
  private final List<String> remove;
  private final boolean isStop;
  private final Long at; // in microseconds, or null
  private final String name;

  private Change(
      Rules rules,
      String file,
      String text,
      List<String> add,
      List<String> remove,
      boolean isStop,
      Long at,
      String name) {
    this.rules = rules;
    this.file = file;
    this.text = text;
    this.add = new ArrayList<>(add);
    this.remove = new ArrayList<>(remove);
    this.isStop = isStop;
    this.at = at;
    this.name = name;
  }

  /** Other rules, with their lists and tables. */
  public static Change rules(Rules next) {
    return new Change(next, null, null, List.of(), List.of(), false, null, "");
  }

  /**
   * Other contents of a list or a table: of the data file that the rules name, by its name as rule
   * files write it, or its end.
   */
  public static Change data(String file, String text) {
    return new Change(null, file, text, List.of(), List.of(), false, null, "");
  }

  /** Lines, which are entries of a list or rows of a table, come to a data file or leave it. */
  public static Change lines(String file, List<String> add, List<String> remove) {
    return new Change(null, file, null, add, remove, false, null, "");
  }

  /**
   * Time does not come to this one: a savepoint that is made then has worked through all that was
   * before it, and nothing of it or after it. A job that goes on from there with other rules has them
   * from this time on. If the sources end before, the job does too.
   */
  public static Change stopAt(Instant time) {
    return new Change(null, null, null, List.of(), List.of(), true, null, "").at(time);
  }

  /** The same from this time on, to which the job must not have come. */
  public Change at(Instant time) {
    long micros = Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000L), time.getNano() / 1000);
    return new Change(rules, file, text, add, remove, isStop, micros, name);
  }

  /** The same with a name that decisions have. */
  public Change named(String name) {
    return new Change(rules, file, text, add, remove, isStop, at, name);
  }

  /**
   * Reads one of these, with {@code "name"} and {@code "at"} where they are wanted; throws an {@link
   * IllegalArgumentException} for anything else.
   *
   * <pre>{@code
   * {"rules":{"cards.tocsin":"rule …","blocked.txt":"…"}}   texts by name, as Rules.of()
   * {"file":"blocked.txt","text":"c1\nc2\n"}
   * {"file":"blocked.txt","add":["c3"],"remove":["c1"]}
   * {"stop":true,"at":"2026-03-02T12:00:00Z"}
   * }</pre>
   */
  public static Change parse(String json) {
    return parse(json, null);
  }

  /** The same; {@code "rules"} may be paths too, as seen from this folder. */
  static Change parse(String json, Path folder) {
    JsonNode of = read(json);
    String kind =
        of.has("rules") ? "rules" : of.has("file") ? "file" : of.has("stop") ? "stop" : "";
    List<String> allowed =
        switch (kind) {
          case "rules" -> List.of("rules", "at", "name");
          case "file" -> List.of("file", "text", "add", "remove", "at", "name");
          case "stop" -> List.of("stop", "at", "name");
          default -> throw wrong("it has \"rules\", \"file\" or \"stop\"", json);
        };
    of.fieldNames()
        .forEachRemaining(
            field -> {
              if (!allowed.contains(field)) {
                throw wrong("there is no \"" + field + "\" beside \"" + kind + "\"", json);
              }
            });
    Change change =
        switch (kind) {
          case "rules" -> rules(rulesOf(of.get("rules"), folder, json));
          case "file" -> ofFile(of, json);
          default -> new Change(null, null, null, List.of(), List.of(), true, null, "");
        };
    if (of.has("name")) {
      change = change.named(of.get("name").asText());
    }
    if (of.has("at")) {
      try {
        change = change.at(Instant.parse(of.get("at").asText()));
      } catch (DateTimeException | ArithmeticException e) {
        throw wrong("\"at\" is a time, as in 2026-03-02T12:00:00Z", json);
      }
    } else if (change.isStop) {
      throw wrong("a stop has a time: \"at\"", json);
    }
    return change;
  }

  private static JsonNode read(String json) {
    try {
      JsonNode of = new ObjectMapper().readTree(json);
      if (of != null && of.isObject()) {
        return of;
      }
    } catch (IOException e) {
      // said below
    }
    throw wrong("it is no JSON object", json);
  }

  private static Rules rulesOf(JsonNode of, Path folder, String json) {
    if (of.isObject()) {
      Map<String, String> texts = new LinkedHashMap<>();
      of.fields().forEachRemaining(file -> texts.put(file.getKey(), file.getValue().asText()));
      return Rules.of(texts);
    }
    if (folder == null || !(of.isArray() || of.isTextual())) {
      throw wrong("\"rules\" are texts by name", json);
    }
    List<Path> paths = new ArrayList<>();
    if (of.isTextual()) {
      paths.add(folder.resolve(of.asText()));
    }
    of.forEach(path -> paths.add(folder.resolve(path.asText())));
    try {
      return Rules.read(paths);
    } catch (IOException e) {
      throw wrong("the rules cannot be read: " + e.getMessage(), json);
    }
  }

  private static Change ofFile(JsonNode of, String json) {
    boolean hasLines = of.has("add") || of.has("remove");
    if (of.has("text") == hasLines) {
      throw wrong("a file has \"text\", or \"add\" and \"remove\"", json);
    }
    String file = of.get("file").asText();
    return hasLines ? lines(file, texts(of.get("add")), texts(of.get("remove"))) : data(file, of.get("text").asText());
  }

  private static List<String> texts(JsonNode of) {
    List<String> texts = new ArrayList<>();
    if (of != null) {
      of.forEach(text -> texts.add(text.asText()));
    }
    return texts;
  }

  private static IllegalArgumentException wrong(String what, String json) {
    String shown = json.length() > 200 ? json.substring(0, 200) + "…" : json;
    return new IllegalArgumentException("this is no change: " + shown + "\n  " + what);
  }

  boolean isStop() {
    return isStop;
  }

  /** In microseconds, or null. */
  Long at() {
    return at;
  }

  String name() {
    return name;
  }

  /** What holds from then on, where these held before; not of a stop. */
  Rules applyTo(Rules before) {
    if (rules != null) {
      return rules;
    }
    return text != null ? before.withData(file, text) : before.withLines(file, add, remove);
  }

  static final class Serializer extends PlainSerializer<Change> {
    private static final long serialVersionUID = 1L;

    @Override
    public Change createInstance() {
      return stopAt(Instant.EPOCH);
    }

    @Override
    public void serialize(Change change, DataOutputView to) throws IOException {
      writeBytes(Kept.bytes(change), to);
    }

    @Override
    public Change deserialize(DataInputView from) throws IOException {
      return Kept.of(readBytes(from), Change.class);
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      copyBytes(from, to);
    }

    @Override
    public TypeSerializerSnapshot<Change> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Flink makes it by its name. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Change> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
