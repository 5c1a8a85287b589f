package io.tocsin.flink;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What came of a change of rules, as a message. All are in one partition, in their order. */
final class KafkaDecision extends KafkaMessage {
  private static final long serialVersionUID = 1L;
  private static final Set<String> MEMBERS = Set.of("decision", "id", "name");

  KafkaDecision(String topic, String writer) {
    super(topic, writer);
  }

  @Override
  Made make(String line) {
    Map<String, String> members = members(line, MEMBERS);
    List<Header> headers = new ArrayList<>();
    headers.add(new Header("tocsin-decision", members.get("decision")));
    if (members.containsKey("name")) {
      headers.add(new Header("tocsin-change", members.get("name")));
    }
    return new Made(members.get("id"), utf8(line), 0, headers);
  }
}
