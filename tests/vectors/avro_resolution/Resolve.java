// Java's answers: reads lines {"writer", "reader", "payload" (hex)}, writes them with "value" (the reader's encoding, hex) or
// "error" (the exception's class). Called by generate.py.
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

public class Resolve {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper json = new ObjectMapper();
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode row = (ObjectNode) json.readTree(line);
      try {
        Schema writer = new Schema.Parser().parse(row.get("writer").toString());
        Schema reader = new Schema.Parser().parse(row.get("reader").toString());
        byte[] payload = HexFormat.of().parseHex(row.get("payload").textValue());
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(payload, null);
        GenericData data = new GenericData();
        data.setFastReaderEnabled(false); // it fails on an empty array as the default of a union
        Object value = new GenericDatumReader<Object>(writer, reader, data).read(null, decoder);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<Object>(reader).write(value, encoder);
        encoder.flush();
        row.put("value", HexFormat.of().formatHex(bytes.toByteArray()));
      } catch (Exception error) {
        row.put("error", error.getClass().getSimpleName());
      }
      out.println(json.writeValueAsString(row));
    }
    out.flush();
  }
}
