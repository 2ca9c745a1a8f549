module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire [3:0] t = a[3:0];
  assign p = {16{t[b]}};
endmodule
