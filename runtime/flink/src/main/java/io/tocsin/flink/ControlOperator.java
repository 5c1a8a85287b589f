package io.tocsin.flink;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperatorFactory;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Decides when rules change, in one part. It hears how far the judges have come, and its own
 * watermark, which is never ahead of theirs, holds back the intake: so a time that it has not let go
 * is one that no stage has come to. Decisions go out as lines of JSON.
 */
final class ControlOperator extends VersionedOperator<String>
    implements TwoInputStreamOperator<Block, Change, String> {
  private static final long serialVersionUID = 1L;

  /** How often it is looked whether rules are compiled, in milliseconds. */
  private static final long LOOK_EVERY = 10;

  private static final long NONE = Long.MIN_VALUE;

  /** So many diagnostics are in a decision: a message is not to be larger than a topic takes. */
  private static final int DIAGNOSTICS_MAX = 100;

  private final Settings settings;
  private transient ListState<byte[]> kept;
  private transient Rules now;
  private transient Deque<Change> waiting;
  private transient long number; // of the last change that was accepted
  private transient long from; // its time, in microseconds
  private transient Long stopAt;
  private transient boolean hasSaidStop;
  private transient long sources; // the least watermark of judges, of Flink
  private transient long horizon; // the last one sent
  private transient ExecutorService compiler;
  private transient CompletableFuture<String> checking; // of the first that waits; "" where it may be
  private transient Rules checked;
  private transient String effect; // of what was checked
  private transient String origin; // what ids of decisions begin with
  private transient long decided; // how many decisions there were
  private transient boolean isLooking;
  private transient BlockSender.Broadcast toIntake;

  private ControlOperator(Settings settings, StreamOperatorParameters<String> parameters) {
    super(parameters);
    this.settings = settings;
  }

  /**
   * @param options of the intake
   * @param passes that the job has stages for
   * @param first changes that are known when the job is submitted
   * @param submission another one each time that a job is submitted
   */
  record Settings(
      Rules rules, String options, int passes, List<Change> first, String submission)
      implements Serializable {}

  private record Content(
      String submission,
      Rules now,
      List<Change> waiting,
      long number,
      long from,
      Long stopAt,
      long horizon,
      String origin,
      long decided)
      implements Serializable {}

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    kept =
        context
            .getOperatorStateStore()
            .getListState(
                new ListStateDescriptor<>(
                    "control", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    now = settings.rules();
    waiting = new ArrayDeque<>(settings.first());
    from = NONE;
    sources = NONE;
    horizon = NONE;
    origin = settings.submission();
    for (byte[] bytes : kept.get()) {
      goOnFrom(Kept.of(bytes, Content.class));
    }
  }

  // A job that failed goes on as it was; one that is submitted again has the rules that it is
  // submitted with, and no stop.
  private void goOnFrom(Content content) {
    number = content.number();
    from = content.from();
    horizon = content.horizon();
    origin = content.origin();
    decided = content.decided();
    boolean waits = from > EventTimes.watermarkOfMillis(horizon);
    if (content.submission().equals(settings.submission())) {
      now = content.now();
      waiting = new ArrayDeque<>(content.waiting());
      stopAt = content.stopAt();
      hasSaidStop = stopAt != null && horizon == EventTimes.millisBefore(stopAt);
    } else if (waits) { // the stages see to it that these are the rules before it
      now = content.now();
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    Content content =
        new Content(
            settings.submission(),
            now,
            new ArrayList<>(waiting),
            number,
            from,
            stopAt,
            horizon,
            origin,
            decided);
    kept.update(List.of(Kept.bytes(content)));
  }

  @Override
  public void open() throws Exception {
    super.open();
    compiler =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, "tocsin-rules");
              thread.setDaemon(true);
              return thread;
            });
    toIntake = new BlockSender.Broadcast(output, List.of(Edge.TO_INTAKE));
    look();
  }

  @Override
  public void processElement1(StreamRecord<Block> element) {}

  @Override
  public void processElement2(StreamRecord<Change> element) throws Exception {
    waiting.add(element.getValue());
    proceed();
  }

  @Override
  public void processWatermark1(Watermark mark) throws Exception {
    sources = Math.max(sources, mark.getTimestamp());
    if (sources == Long.MAX_VALUE) {
      finishAll();
    }
    proceed();
  }

  // What changes come with says nothing of time, and is never idle (ActiveChanges): so control is not
  // either, and the intake waits for it.
  @Override
  public void processWatermark2(Watermark mark) {}

  @Override
  public void processWatermark(Watermark mark) {}

  // Does what can be done now.
  private void proceed() throws Exception {
    decide();
    sendHorizon();
    if (!waiting.isEmpty()) {
      look();
    }
  }

  private void look() {
    if (isLooking) {
      return;
    }
    isLooking = true;
    long next = getProcessingTimeService().getCurrentProcessingTime() + LOOK_EVERY;
    getProcessingTimeService()
        .registerTimer(
            next,
            time -> {
              isLooking = false;
              proceed();
            });
  }

  // The sources have ended: what waits is decided before the end of time is let go.
  private void finishAll() throws Exception {
    while (!waiting.isEmpty()) {
      if (checking != null) {
        checking.join();
      }
      int before = waiting.size();
      decide();
      if (checking != null || waiting.size() < before) {
        continue;
      }
      long reached = horizon;
      if (isAfterLast()) { // nothing stands in the way of the one before it now
        letGo(Math.min(EventTimes.millisBefore(from) + 1, limit()));
      }
      if (horizon == reached) {
        refuse(waiting.remove(), Json.text("the sources ended before the job had come to any time"));
      }
    }
    if (stopAt != null) {
      decision("ended", "\"reason\":\"the sources ended, and with them the job, before it was stopped\"");
      stopAt = null;
    }
  }

  // Whether the first that waits comes after the time of a change that is yet to take place.
  private boolean isAfterLast() {
    return from > EventTimes.watermarkOfMillis(horizon);
  }

  private void decide() throws Exception {
    while (!waiting.isEmpty()) {
      Change change = waiting.peek();
      if (checking == null) {
        if (change.at() == null && (horizon == NONE || isAfterLast())) {
          return; // its time is not known yet
        }
        check(change);
      }
      if (!checking.isDone()) {
        return;
      }
      String reason = checking.join();
      checking = null;
      waiting.remove();
      if (reason.isEmpty()) {
        reason = accept(change);
      }
      if (!reason.isEmpty()) {
        refuse(change, reason);
      }
    }
  }

  private void refuse(Change change, String reason) {
    decision("refused", nameOf(change) + "\"reason\":" + reason);
  }

  private static String nameOf(Change change) {
    return change.name().isEmpty() ? "" : "\"name\":" + Json.text(change.name()) + ",";
  }

  // Rules are compiled beside the job, with the rules before them, as the stages will.
  private void check(Change change) {
    String reason = whyNotThen(change);
    if (change.isStop() || !reason.isEmpty()) {
      checking = CompletableFuture.completedFuture(reason);
      return;
    }
    Rules before = now;
    checking =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                checked = change.applyTo(before);
                checkRules(before, checked);
                effect = ChangeEffect.of(before, checked, settings.passes()).toJson();
                return "";
              } catch (TocsinException e) {
                return reason(e);
              } catch (RuntimeException e) {
                return Json.text(e.getMessage());
              }
            },
            compiler);
  }

  private static String reason(TocsinException e) {
    String text = Json.text(e.getMessage());
    if (e.diagnostics().isEmpty()) {
      return text;
    }
    List<String> all = List.of(e.diagnostics().split("\n"));
    return text + ",\"diagnostics\":" + Json.some(all, DIAGNOSTICS_MAX);
  }

  private void checkRules(Rules before, Rules next) {
    int needed = JobPlan.of(next, false).holds().size();
    if (needed > settings.passes()) {
      throw new IllegalArgumentException(
          "the rules have "
              + needed
              + " passes, and the job has room for "
              + settings.passes()
              + ": submit it with room("
              + needed
              + "), or with these rules");
    }
    try (Stage stage = new Stage(before, Edge.TO_INTAKE, 0, 1, settings.options())) {
      stage.prepare(next, 0);
    } catch (TocsinException e) {
      if (!e.diagnostics().isEmpty()) {
        throw e;
      }
      String stage = Edge.TO_INTAKE.label() + ", part 1 of 1: ";
      String message = e.getMessage();
      throw new TocsinException(
          e.status(), message.startsWith(stage) ? message.substring(stage.length()) : message, "");
    }
  }

  // Gives the reason, as JSON, where it cannot be at its time; "" where it can, for all that is known.
  private String whyNotThen(Change change) {
    long reached = EventTimes.watermarkOfMillis(horizon);
    Long at = change.at();
    if (horizon == Long.MAX_VALUE) {
      return Json.text("the sources have ended, and with them time");
    }
    if (at != null && at % 1000 != 0) {
      return Json.text("a change is at a whole millisecond");
    }
    if (at != null && horizon != NONE && at <= reached) {
      return Json.text(
          "the job has come to " + EventTimes.show(reached) + ": give a later time, or none");
    }
    if (at != null && (at <= from || stopAt != null)) {
      return Json.text("an earlier change, or a stop, is at or after " + EventTimes.show(at));
    }
    return stopAt == null ? "" : Json.text("the job is to stop at " + EventTimes.show(stopAt));
  }

  // The same, and does it where it can be.
  private String accept(Change change) throws Exception {
    String reason = whyNotThen(change); // time went on meanwhile
    if (!reason.isEmpty()) {
      return reason;
    }
    Long at = change.at();
    if (change.isStop()) {
      stopAt = at;
      return "";
    }
    now = checked;
    from = at != null ? at : EventTimes.watermarkOfMillis(horizon) + 1;
    RuleChange accepted = new RuleChange(++number, from, now);
    toIntake.send(accepted.toBytes());
    decision(
        "accepted",
        nameOf(change)
            + "\"from\":"
            + Json.text(EventTimes.show(from))
            + ",\"from_us\":"
            + from
            + ","
            + effect);
    return "";
  }

  private void decision(String what, String members) {
    String id = "\",\"id\":\"" + origin + "-" + ++decided + "\",";
    output.collect(new StreamRecord<>("{\"decision\":\"" + what + id + members + "}"));
  }

  // How far time may go: to before the first change that is not decided, and to before a stop.
  private long limit() {
    long limit = sources;
    for (Change change : waiting) {
      long reached = Math.max(from, EventTimes.watermarkOfMillis(horizon));
      if (change.at() != null && change.at() > reached) {
        limit = Math.min(limit, EventTimes.millisBefore(change.at()));
      }
    }
    return stopAt == null ? limit : Math.min(limit, EventTimes.millisBefore(stopAt));
  }

  private void sendHorizon() {
    long limit = limit();
    letGo(limit);
    if (stopAt != null && !hasSaidStop && limit == EventTimes.millisBefore(stopAt)) {
      hasSaidStop = true;
      decision("stands", "\"at\":" + Json.text(EventTimes.show(stopAt)) + ",\"at_us\":" + stopAt);
    }
  }

  private void letGo(long millis) {
    if (millis > horizon) {
      horizon = millis;
      output.emitWatermark(new Watermark(millis));
    }
  }

  @Override
  public void close() throws Exception {
    if (compiler != null) {
      compiler.shutdown();
      compiler.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES);
    }
    super.close();
  }

  static final class Factory extends AbstractStreamOperatorFactory<String>
      implements TwoInputStreamOperatorFactory<Block, Change, String> {
    private static final long serialVersionUID = 1L;

    private final Settings settings;

    Factory(Settings settings) {
      this.settings = settings;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<String>> T createStreamOperator(
        StreamOperatorParameters<String> parameters) {
      return (T) new ControlOperator(settings, parameters);
    }

    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
      return ControlOperator.class;
    }
  }
}
