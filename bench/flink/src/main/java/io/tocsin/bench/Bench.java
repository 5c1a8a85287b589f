package io.tocsin.bench;

import com.sun.management.OperatingSystemMXBean;
import io.tocsin.flink.KafkaInput;
import io.tocsin.flink.Line;
import io.tocsin.flink.Rules;
import io.tocsin.flink.Tocsin;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;

/**
 * The seven queries of the payments workload in a job inside this process, with one slot: as
 * patterns of flink-cep, or as rules by the operators of Tocsin.
 *
 * <p>Arguments: the file of events, the rules, how many events are a message, the job: cep or tocsin,
 * and of a topic the brokers and its name; else messages are in memory. The job is run twice: much of
 * the first run's time is the JVM's compiler. Prints one line of JSON: alerts by query, and the
 * process's CPU seconds for each run, without those of reading the file.
 */
public final class Bench {
  private static final Pattern RULE = Pattern.compile("\"rule\":\"[^\"]*?([qQ]\\d)");

  private Bench() {}

  public static void main(String[] args) throws Exception {
    boolean isTopic = args.length > 4;
    if (!isTopic) {
      Messages.load(Path.of(args[0]), Integer.parseInt(args[2]));
    }
    List<Map<String, Integer>> counts = new ArrayList<>();
    List<String> seconds = new ArrayList<>();
    for (int run = 0; run < 2; ++run) {
      long before = cpuNanos();
      StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
      env.getConfig().enableObjectReuse();
      counts.add(count(args[3].equals("cep") ? cep(env, args) : tocsin(env, args)));
      seconds.add("%.3f".formatted((cpuNanos() - before) / 1e9));
    }
    if (!counts.get(0).equals(counts.get(1))) {
      throw new IllegalStateException("two runs gave different alerts: " + counts);
    }
    StringBuilder byQuery = new StringBuilder();
    counts.get(0).forEach(
        (query, count) ->
            byQuery.append(byQuery.isEmpty() ? "" : ",").append('"' + query + "\":" + count));
    System.out.printf("{\"alerts\":{%s},\"cpu_s\":%s}%n", byQuery, seconds);
  }

  // What stands before the first blank names the query, where it is no line of JSON.
  private static Map<String, Integer> count(DataStream<String> stream) throws Exception {
    Map<String, Integer> counts = new TreeMap<>();
    try (CloseableIterator<String> alerts = stream.executeAndCollect()) {
      while (alerts.hasNext()) {
        String alert = alerts.next();
        Matcher rule = RULE.matcher(alert);
        String query = rule.find() ? rule.group(1) : alert.substring(0, alert.indexOf(' '));
        counts.merge(query.toUpperCase(Locale.ROOT), 1, Integer::sum);
      }
    }
    return counts;
  }

  private static DataStream<String> cep(StreamExecutionEnvironment env, String[] args) {
    DataStream<byte[]> messages =
        args.length > 4 ? Messages.ofTopic(env, args[4], args[5]) : Messages.stream(env);
    DataStream<Event> events =
        messages
            .flatMap(
                (byte[] message, Collector<Event> out) ->
                    Messages.eachLine(
                        message,
                        (number, bytes, begin, end) -> out.collect(Event.of(bytes, begin, end))))
            .returns(Event.class)
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Event>forMonotonousTimestamps()
                    .withTimestampAssigner((event, before) -> event.ts / 1000));
    return CepQueries.alerts(events);
  }

  private static DataStream<String> tocsin(StreamExecutionEnvironment env, String[] args)
      throws Exception {
    Tocsin job = Tocsin.job(env, Rules.read(Path.of(args[1]))).outOfOrderness(Duration.ZERO);
    if (args.length > 4) {
      KafkaInput topic = KafkaInput.of(args[4], List.of(args[5])).untilEnd();
      return job.fromKafka(args[2].equals("1") ? topic : topic.packed()).alerts();
    }
    DataStream<byte[]> messages = Messages.stream(env);
    boolean isPacked = !args[2].equals("1");
    return job.from(messages.map(new ToLine(isPacked)).returns(Line.TYPE)).alerts();
  }

  /** Messages with their places in the one partition. */
  private static final class ToLine implements MapFunction<byte[], Line> {
    private static final long serialVersionUID = 1L;
    private final boolean isPacked;
    private long offset;

    ToLine(boolean isPacked) {
      this.isPacked = isPacked;
    }

    @Override
    public Line map(byte[] message) {
      return isPacked
          ? Line.message(0, 0, ++offset, Line.NO_TIME, message)
          : Line.of(0, 0, ++offset, message);
    }
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
