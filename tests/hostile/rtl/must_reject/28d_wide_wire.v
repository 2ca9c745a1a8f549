module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire [268435455:0] big = {a, 268435448'd0};
  assign p = big >> b;
endmodule
