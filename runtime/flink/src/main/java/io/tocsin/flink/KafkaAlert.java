package io.tocsin.flink;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An alert as a message. */
final class KafkaAlert extends KafkaMessage {
  private static final long serialVersionUID = 1L;
  private static final Set<String> MEMBERS =
      Set.of("id", "revision", "rule", "key", "severity");

  KafkaAlert(String topic, String writer) {
    super(topic, writer);
  }

  @Override
  Made make(String line) {
    Map<String, String> members = members(line, MEMBERS);
    List<Header> headers = new ArrayList<>();
    headers.add(new Header("tocsin-rule", members.get("rule")));
    headers.add(new Header("tocsin-severity", members.get("severity")));
    headers.add(new Header("tocsin-stage", "live"));
    if (!members.get("revision").equals("0")) {
      headers.add(new Header("tocsin-revision", members.get("revision")));
    }
    // A rule without a key has none here either.
    int spread = members.getOrDefault("key", "").hashCode() & Integer.MAX_VALUE;
    return new Made(members.get("id"), utf8(line), spread, headers);
  }
}
