package io.tocsin.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** An event of the payments workload, with the fields that the seven queries read. */
public class Event {
  public String type;
  public long ts;
  public String id;
  public String card;
  public String account;
  public double amount;
  public String country;
  public String channel;
  public boolean ok;

  private static final JsonFactory JSON = new JsonFactory();

  /** Reads the line that these bytes are. */
  static Event of(byte[] bytes, int begin, int end) throws IOException {
    Event event = new Event();
    try (JsonParser from = JSON.createParser(bytes, begin, end - begin)) {
      from.nextToken();
      while (from.nextToken() == JsonToken.FIELD_NAME) {
        String name = from.currentName();
        JsonToken token = from.nextToken();
        switch (name) {
          case "type" -> event.type = from.getText();
          case "ts" -> event.ts = from.getLongValue();
          case "id" -> event.id = from.getText();
          case "card" -> event.card = from.getText();
          case "account" -> event.account = from.getText();
          case "amount" -> event.amount = from.getDoubleValue();
          case "country" -> event.country = from.getText();
          case "channel" -> event.channel = from.getText();
          case "ok" -> event.ok = token == JsonToken.VALUE_TRUE;
          default -> from.skipChildren();
        }
      }
    }
    return event;
  }

  boolean is(String wanted) {
    return type.equals(wanted);
  }
}
