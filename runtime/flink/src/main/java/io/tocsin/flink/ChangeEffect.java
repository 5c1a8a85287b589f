package io.tocsin.flink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** What a change of rules does to what the rules remember, for who decides about it. */
final class ChangeEffect {
  /** So many rules and features are named; a message is not to be larger than a topic takes. */
  private static final int NAMED_MAX = 100;

  private int kept;
  private final List<String> started = new ArrayList<>();
  private final List<String> lost = new ArrayList<>();
  private final List<String> suppressionLost = new ArrayList<>();

  private ChangeEffect() {}

  /**
   * Lets each pass go over, without state, as parts of a job will. Refuses as they would: with a
   * {@link TocsinException}.
   */
  static ChangeEffect of(Rules before, Rules next, int passes) {
    ChangeEffect effect = new ChangeEffect();
    for (int pass = 0; pass < passes; ++pass) {
      try (Stage stage =
          new Stage(before, new Edge(Edge.PASS, pass), 0, 1, "\"passes\":" + passes)) {
        stage.prepare(next, 0);
        stage.advance(0, 1);
        effect.add(stage.wentOver());
      }
    }
    return effect;
  }

  private void add(String report) {
    JsonNode of;
    try {
      of = new ObjectMapper().readTree(report);
    } catch (IOException e) {
      throw new IllegalStateException("the library gave what is no JSON: " + report, e);
    }
    kept += of.get("kept").size();
    of.get("started").forEach(one -> started.add(one.toString()));
    of.get("lost").forEach(one -> lost.add(one.toString()));
    of.get("suppression_lost").forEach(one -> suppressionLost.add(one.toString()));
  }

  /** Members of an object. */
  String toJson() {
    return "\"kept\":"
        + kept
        + ",\"started\":"
        + Json.some(started, NAMED_MAX)
        + ",\"lost\":"
        + Json.some(lost, NAMED_MAX)
        + ",\"suppression_lost\":"
        + Json.some(suppressionLost, NAMED_MAX);
  }
}
