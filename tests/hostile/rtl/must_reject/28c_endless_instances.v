module m #(parameter N = 1) (input [7:0] a, output [7:0] y);
  m #(.N(N + 1)) inner(a, y);
endmodule
module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire [7:0] y;
  m m0(a, y);
  assign p = {8'd0, y};
endmodule
