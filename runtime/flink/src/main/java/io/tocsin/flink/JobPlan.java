package io.tocsin.flink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What a job of these rules consists of. Reading it checks that they can run as one.
 *
 * @param holds for each pass, whether a hold is behind it
 * @param isWhole the rules cannot be spread: their one pass has one part
 */
record JobPlan(List<Boolean> holds, boolean isWhole) {

  /**
   * Compiles the rules. A {@link TocsinException} of status {@code invalid_rules} has the
   * diagnostics, one of {@code unsupported} says what cannot be spread, unless that may run in one
   * part.
   */
  static JobPlan of(Rules rules, boolean allowsOnePart) {
    try (Pack pack = Pack.load(rules)) {
      JsonNode job = read(pack.describeJob());
      boolean isWhole = !job.get("can_be_spread").asBoolean();
      if (isWhole && !allowsOnePart) {
        throw new TocsinException("unsupported", obstacles(job.get("obstacles")), "");
      }
      List<Boolean> holds = new ArrayList<>();
      for (JsonNode pass : job.get("passes")) {
        holds.add(pass.get("hold").asBoolean());
      }
      return new JobPlan(holds, isWhole);
    } catch (TocsinException e) {
      if (e.diagnostics().isEmpty()) {
        throw e;
      }
      throw new TocsinException(
          e.status(), e.getMessage() + "\n" + lines(e.diagnostics()), e.diagnostics());
    }
  }

  /** With at least so many passes, each with a hold: a job whose rules may change. */
  JobPlan withRoom(int passes) {
    int most = Math.max(passes, holds.size());
    return new JobPlan(Collections.nCopies(most, true), isWhole);
  }

  /** Passes from this one on. */
  List<Edge> passesFrom(int pass) {
    List<Edge> edges = new ArrayList<>();
    for (int to = pass; to < holds.size(); ++to) {
      edges.add(new Edge(Edge.PASS, to));
    }
    return edges;
  }

  private static String obstacles(JsonNode obstacles) {
    StringBuilder text = new StringBuilder("the rules cannot be spread over a job");
    for (JsonNode obstacle : obstacles) {
      text.append("\n  ").append(obstacle.get("text").asText());
    }
    return text.toString();
  }

  // "cards.tocsin:3:7: error[E0101]: message".
  private static String lines(String diagnostics) {
    StringBuilder text = new StringBuilder();
    for (String line : diagnostics.split("\n")) {
      JsonNode of = read(line);
      if (!text.isEmpty()) {
        text.append('\n');
      }
      if (of.has("file")) {
        text.append(of.get("file").asText()).append(':').append(of.get("line").asInt());
        text.append(':').append(of.get("column").asInt()).append(": ");
      }
      text.append(of.get("level").asText());
      if (of.has("code")) {
        text.append('[').append(of.get("code").asText()).append(']');
      }
      text.append(": ").append(of.get("message").asText());
      if (of.has("label") && !of.get("label").asText().isEmpty()) {
        text.append(" (").append(of.get("label").asText()).append(')');
      }
    }
    return text.toString();
  }

  private static JsonNode read(String json) {
    try {
      return new ObjectMapper().readTree(json);
    } catch (IOException e) {
      throw new IllegalStateException("the library gave what is no JSON: " + json, e);
    }
  }
}
