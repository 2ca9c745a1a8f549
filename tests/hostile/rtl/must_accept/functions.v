module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  function [11:0] by_four(input [7:0] x, input [3:0] y);
    by_four = x * y;
  endfunction
  assign p = by_four(a, b[3:0]) + {by_four(a, b[7:4]), 4'd0};
endmodule
