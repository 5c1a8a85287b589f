package io.tocsin.flink;

import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A late event, or a line that is no event, as it came. */
final class KafkaSideLine extends KafkaMessage {
  private static final long serialVersionUID = 1L;
  private static final Set<String> MEMBERS =
      Set.of("input", "offset", "line", "late_us", "reason", "text", "base64");
  private static final Pattern PARTITION = Pattern.compile("kafka:.+/([0-9]+)");
  private static final int ID_BYTES = 16;

  private final String stream;

  KafkaSideLine(String stream, String topic, String writer) {
    super(topic, writer);
    this.stream = stream;
  }

  @Override
  Made make(String line) {
    Map<String, String> members = members(line, MEMBERS);
    String source = members.get("input");
    byte[] text =
        members.containsKey("base64")
            ? Base64.getDecoder().decode(members.get("base64"))
            : utf8(members.get("text"));
    List<Header> headers = new ArrayList<>();
    headers.add(new Header("tocsin-source", source));
    Matcher partition = PARTITION.matcher(source);
    boolean isPartition = partition.matches();
    String place = isPartition ? "offset" : "line";
    headers.add(new Header("tocsin-" + place, members.get(place)));
    if (members.containsKey("late_us")) {
      headers.add(new Header("tocsin-late-us", members.get("late_us")));
    } else {
      headers.add(new Header("tocsin-reason", members.get("reason")));
    }
    int spread =
        isPartition
            ? Integer.parseInt(partition.group(1))
            : source.hashCode() & Integer.MAX_VALUE;
    // Lines are numbered from 1, offsets from 0.
    long number = Long.parseLong(members.get(place)) + (isPartition ? 1 : 0);
    return new Made(id(source, number, text), text, spread, headers);
  }

  // As a server makes it: the same for the same line of the same input.
  private String id(String source, long number, byte[] text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(
        utf8(
            "tocsin side output\n" + stream + "\n" + utf8(source).length + "\n" + source + ":"
                + number + "\n"));
    bytes.writeBytes(text);
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray());
      return HexFormat.of().formatHex(Arrays.copyOf(digest, ID_BYTES));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
