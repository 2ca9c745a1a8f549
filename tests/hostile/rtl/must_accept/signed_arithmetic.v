module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire signed [8:0] x = $signed({1'b0, a});
  wire signed [8:0] y = $signed({1'b0, b});
  wire signed [17:0] whole = x * y;
  assign p = whole[15:0];
endmodule
