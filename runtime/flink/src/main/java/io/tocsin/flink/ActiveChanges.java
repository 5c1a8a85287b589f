package io.tocsin.flink;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Changes on their way to control, without what their source says of time. Behind two idle inputs
 * control would be idle too, and the intake would not wait for it.
 */
final class ActiveChanges extends VersionedOperator<Change>
    implements OneInputStreamOperator<Change, Change> {
  private static final long serialVersionUID = 1L;

  private ActiveChanges(StreamOperatorParameters<Change> parameters) {
    super(parameters);
  }

  @Override
  public void processElement(StreamRecord<Change> element) {
    output.collect(element);
  }

  @Override
  public void processWatermark(Watermark mark) {}

  @Override
  public void processWatermarkStatus(WatermarkStatus status) {}

  static final class Factory extends AbstractStreamOperatorFactory<Change>
      implements OneInputStreamOperatorFactory<Change, Change> {
    private static final long serialVersionUID = 1L;

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Change>> T createStreamOperator(
        StreamOperatorParameters<Change> parameters) {
      return (T) new ActiveChanges(parameters);
    }

    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
      return ActiveChanges.class;
    }
  }
}
